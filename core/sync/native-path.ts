/**
 * Names of files as text, whatever their bytes: Unix takes any, and text of JSON takes any UTF-16. A byte that is not
 * part of valid UTF-8 is the lone surrogate U+DC00 + byte, which no valid text has (as in PEP 383). Where text meets the
 * file system, it becomes bytes again.
 */
import { isUtf8 } from "node:buffer";
import { readdirSync, readlinkSync } from "node:fs";

const REPLACEMENT = "\uFFFD";
const ESCAPES = 0xdc00;
/** With `u`, the halves of a pair are no match. */
const ESCAPE = /([\udc80-\udcff])/u;

/** As the functions of node:fs take it. Not for `node:path`, whose functions in Bun replace what is not valid text. */
export function nativePath(path: string): string | Buffer {
  return path.isWellFormed() ? path : bytesOf(path);
}

/** Bytes that the path has in the file system. */
export function nativeLength(path: string): number {
  return Buffer.byteLength(nativePath(path));
}

/** Whether it is the one text of its bytes. Another could stand for a second file of the same name. */
export function isNativePath(path: string): boolean {
  return path.isWellFormed() || nameOf(bytesOf(path)) === path;
}

/** The text of a name's bytes. */
export function nameOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  const parts: string[] = [];
  let from = 0;
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    parts.push(bytes.toString("utf8", from, at), String.fromCharCode(ESCAPES + (bytes[at] ?? 0)));
    at += 1;
    from = at;
  }
  return parts.join("") + bytes.toString("utf8", from);
}

/** Names in a folder. Throws what the system says. */
export function readNames(folder: string): readonly string[] {
  const native = nativePath(folder);
  const names = readdirSync(native);
  // Bytes cost more, and hardly any folder needs them.
  if (!names.some((name) => name.includes(REPLACEMENT))) return names;
  return readdirSync(native, { encoding: "buffer" }).map(nameOf);
}

/** What a symlink says. Throws what the system says. */
export function readLink(path: string): string {
  const native = nativePath(path);
  const target = readlinkSync(native);
  return target.includes(REPLACEMENT) ? nameOf(readlinkSync(native, { encoding: "buffer" })) : target;
}

function bytesOf(path: string): Buffer {
  const parts = path.split(ESCAPE);
  return Buffer.concat(
    parts.map((part, index) => (index % 2 === 0 ? Buffer.from(part) : Buffer.from([part.charCodeAt(0) - ESCAPES]))),
  );
}

/** Bytes of the character that begins at `at`; 0 where none does (RFC 3629 §4). */
function sequenceLength(bytes: Buffer, at: number): number {
  const lead = bytes[at] ?? 0;
  const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}
