import type { Entry } from "./entry.ts";

const BLOCK = 512;
const NAME_MAX = 100;
const PREFIX_MAX = 155;

export type TarHeader = {
  /** No leading slash. */
  readonly name: string;
  readonly mode: number;
  readonly owner: number;
  readonly modified: number;
  readonly size: number;
  /** 0 file, 2 symbolic link, 5 folder, x extended header (POSIX.1-2017 pax, ustar interchange format). */
  readonly type: "0" | "2" | "5" | "x";
  readonly target: string;
};

/** The header block or blocks of one member; what does not fit the ustar fields goes to an extended header before it. */
export function tarHeader(header: TarHeader): Uint8Array<ArrayBuffer> {
  const split = splitName(header.name);
  const records = [
    ...(split === undefined ? [paxRecord("path", header.name)] : []),
    ...(byteLength(header.target) > NAME_MAX ? [paxRecord("linkpath", header.target)] : []),
  ].join("");
  const block = ustarBlock(header, split ?? { prefix: "", name: "long-name" });
  if (records === "") return block;
  const body = new TextEncoder().encode(records);
  const extended = ustarBlock(
    { ...header, type: "x", size: body.length, target: "" },
    { prefix: "", name: "pax-header" },
  );
  return concat([extended, body, padding(body.length), block]);
}

/** Zeros that fill the last block of a member of this many bytes. */
export function padding(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}

/** Two empty blocks end an archive. */
export const TAR_END_BYTES = 2 * BLOCK;

export function entryHeader(entry: Entry): TarHeader {
  const name = entry.path.slice(1);
  const common = { mode: entry.mode, owner: entry.owner, modified: entry.modified, target: "", size: 0 };
  switch (entry.content.kind) {
    case "folder":
      return { ...common, name: `${name}/`, type: "5" };
    case "link":
      return { ...common, name, type: "2", target: entry.content.target };
    case "text":
      return { ...common, name, type: "0", size: byteLength(entry.content.text) };
    case "file":
      return { ...common, name, type: "0", size: entry.content.size };
  }
}

/** Bytes an archive of these entries takes, so that it can be put into another archive while it is being made. */
export function tarSize(entries: readonly Entry[]): number {
  const sizes = entries.map((entry) => {
    const header = entryHeader(entry);
    return tarHeader(header).length + header.size + padding(header.size).length;
  });
  return sizes.reduce((sum, size) => sum + size, 0) + TAR_END_BYTES;
}

function ustarBlock(
  header: TarHeader,
  path: { readonly prefix: string; readonly name: string },
): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK);
  const put = (offset: number, value: string): void => void new TextEncoder().encodeInto(value, block.subarray(offset));
  put(0, path.name);
  put(100, octal(header.mode, 7));
  put(108, octal(header.owner, 7));
  put(116, octal(header.owner, 7));
  put(124, octal(header.size, 11));
  put(136, octal(header.modified, 11));
  put(148, " ".repeat(8));
  put(156, header.type);
  if (byteLength(header.target) <= NAME_MAX) put(157, header.target);
  put(257, "ustar\u000000");
  put(345, path.prefix);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, `${octal(sum, 6)}\u0000 `);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

/** The two ustar fields of a name, or undefined when it fits neither way. */
function splitName(name: string): { prefix: string; name: string } | undefined {
  if (byteLength(name) <= NAME_MAX) return { prefix: "", name };
  for (let slash = name.indexOf("/"); slash !== -1; slash = name.indexOf("/", slash + 1)) {
    const prefix = name.slice(0, slash);
    const rest = name.slice(slash + 1);
    if (rest !== "" && byteLength(prefix) <= PREFIX_MAX && byteLength(rest) <= NAME_MAX) return { prefix, name: rest };
  }
  return undefined;
}

/** `LENGTH KEY=VALUE\n`, where LENGTH counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (String(length).length + rest !== length) length += 1;
  return `${length} ${key}=${value}\n`;
}

function byteLength(value: string): number {
  return Buffer.byteLength(value);
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
