/** Sends one batch of nf_tables messages over a netlink socket (netlink(7)) and waits for what the kernel says. */
import { dlopen, FFIType } from "bun:ffi";
import { constants } from "node:os";
import { NETLINK_REPLY_MS_MAX } from "../../core/limits.ts";
import type { NetlinkMessage } from "./nf-tables.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_NETFILTER = 12;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const NLMSG_ERROR = 2;
const REPLY_BYTES = 64 * 1024;

/** A message the kernel refused; `errno` as in errno(3), positive. */
export class NetlinkError extends Error {
  override readonly name = "NetlinkError";
  readonly errno: number;

  constructor(purpose: string, errno: number) {
    super(`The kernel refused to ${purpose}: ${errnoName(errno)}`);
    this.errno = errno;
  }
}

/**
 * Needs NET_ADMIN in the network namespace of the process. All or nothing: a refused message undoes the batch.
 * @throws NetlinkError when the kernel refuses a message or does not answer
 */
export function sendBatch(messages: readonly NetlinkMessage[]): void {
  const { symbols: libc } = openLibc();
  const fd = libc.socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
  if (fd < 0) throw new NetlinkError("open a netlink socket", constants.errno.EPROTONOSUPPORT);
  try {
    const timeout = new BigInt64Array(new ArrayBuffer(16));
    timeout[1] = BigInt(NETLINK_REPLY_MS_MAX) * 1000n;
    libc.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeout, 16);
    const batch = copyForFfi(Buffer.concat(messages.map((message) => message.bytes)));
    if (Number(libc.send(fd, batch, batch.length, 0)) !== batch.length)
      throw new NetlinkError("take the batch", constants.errno.EPERM);
    const reply = Buffer.from(new ArrayBuffer(REPLY_BYTES));
    receive(messages, () => {
      const length = Number(libc.recv(fd, reply, REPLY_BYTES, 0));
      return length <= 0 ? undefined : parseAcknowledgements(reply.subarray(0, length));
    });
  } finally {
    libc.close(fd);
  }
}

function receive(messages: readonly NetlinkMessage[], next: () => ReadonlyMap<number, number> | undefined): void {
  const waiting = new Map(
    messages.flatMap((message) => (message.sequence === undefined ? [] : [[message.sequence, message.purpose]])),
  );
  while (waiting.size > 0) {
    const answers = next();
    if (answers === undefined)
      throw new NetlinkError(`answer to: ${[...waiting.values()].join(", ")}`, constants.errno.ETIMEDOUT);
    for (const [sequence, errno] of answers) {
      if (errno !== 0) throw new NetlinkError(waiting.get(sequence) ?? "take the batch", errno);
      waiting.delete(sequence);
    }
  }
}

/** Sequence number → errno (0: acknowledged) of the NLMSG_ERROR messages in one datagram. */
export function parseAcknowledgements(bytes: Buffer): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  let at = 0;
  while (at + 20 <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    if (length < 16) break;
    if (bytes.readUInt16LE(at + 4) === NLMSG_ERROR)
      found.set(bytes.readUInt32LE(at + 8), Math.abs(bytes.readInt32LE(at + 16)));
    at += (length + 3) & ~3;
  }
  return found;
}

/** The storage of small typed arrays may move under an optimising compiler: a view over an explicit buffer does not. */
function copyForFfi(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new ArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

function errnoName(errno: number): string {
  return Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
}

function openLibc() {
  const { i32, u32, u64_fast, i64_fast, ptr } = FFIType;
  return dlopen("libc.so.6", {
    socket: { args: [i32, i32, i32], returns: i32 },
    setsockopt: { args: [i32, i32, i32, ptr, u32], returns: i32 },
    send: { args: [i32, ptr, u64_fast, i32], returns: i64_fast },
    recv: { args: [i32, ptr, u64_fast, i32], returns: i64_fast },
    close: { args: [i32], returns: i32 },
  });
}
