/** `struct sockaddr_in` and `sockaddr_in6` on a little-endian machine; ports and addresses are in network order. */
import { formatIpv6, ipv6Groups } from "../../core/ip-address.ts";
import { AF_INET, AF_INET6 } from "./libc.ts";

export const SOCKADDR_IN_BYTES = 16;
export const SOCKADDR_IN6_BYTES = 28;

const DOT = 46;
const ZERO = 48;

export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** Written into `bytes`, which have room for the larger of the two: how many were; 0 for what is no IP address. */
export function writeSocketAddress(bytes: Uint8Array, { address, port }: SocketAddress): number {
  bytes.fill(0);
  bytes[2] = port >> 8;
  bytes[3] = port & 0xff;
  return address.includes(":") ? writeIn6(bytes, address) : writeIn(bytes, address);
}

function writeIn(bytes: Uint8Array, address: string): number {
  bytes[0] = AF_INET;
  let parts = 0;
  let digits = 0;
  let part = 0;
  // One more than there are: the end closes the last part as a dot closes the others.
  for (let i = 0; i <= address.length; i += 1) {
    const char = i === address.length ? DOT : address.charCodeAt(i);
    if (char === DOT) {
      if (digits === 0 || part > 255 || parts === 4) return 0;
      bytes[4 + parts] = part;
      parts += 1;
      digits = 0;
      part = 0;
    } else if (char < ZERO || char > ZERO + 9 || digits === 3) return 0;
    else {
      part = 10 * part + (char - ZERO);
      digits += 1;
    }
  }
  return parts === 4 ? SOCKADDR_IN_BYTES : 0;
}

function writeIn6(bytes: Uint8Array, address: string): number {
  const groups = ipv6Groups(address);
  if (groups === undefined) return 0;
  bytes[0] = AF_INET6;
  for (const [i, group] of groups.entries()) {
    bytes[8 + 2 * i] = group >> 8;
    bytes[9 + 2 * i] = group & 0xff;
  }
  return SOCKADDR_IN6_BYTES;
}

/** `undefined` for addresses of other families. */
export function readSocketAddress(bytes: Uint8Array): SocketAddress | undefined {
  const family = bytes[0];
  const port = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  if (family === AF_INET) return { address: `${bytes[4]}.${bytes[5]}.${bytes[6]}.${bytes[7]}`, port };
  if (family !== AF_INET6) return undefined;
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[8 + 2 * i] ?? 0) << 8) | (bytes[9 + 2 * i] ?? 0));
  return { address: formatIpv6(groups), port };
}
