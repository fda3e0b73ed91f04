/** Writes tar archives in the ustar form (POSIX.1-2017, pax: "ustar Interchange Format"), the same bytes each time. */

export type TarEntry =
  | { readonly kind: "folder"; readonly path: string; readonly mode: number }
  | { readonly kind: "file"; readonly path: string; readonly mode: number; readonly content: readonly Uint8Array[] };

const BLOCK_BYTES = 512;
/** Room of the `name` field. */
const PATH_BYTES_MAX = 100;

/** The archive in pieces, so that large files are not copied; all owned by root and as old as the Unix epoch. */
export function tarPieces(entries: readonly TarEntry[]): readonly Uint8Array[] {
  return [...entries.flatMap(entryPieces), new Uint8Array(2 * BLOCK_BYTES)];
}

function entryPieces(entry: TarEntry): readonly Uint8Array[] {
  if (entry.kind === "folder") return [header(`${entry.path}/`, entry.mode, { type: "5", size: 0 })];
  const size = entry.content.reduce((total, piece) => total + piece.length, 0);
  const padding = (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
  return [header(entry.path, entry.mode, { type: "0", size }), ...entry.content, new Uint8Array(padding)];
}

function header(path: string, mode: number, content: { readonly type: string; readonly size: number }): Uint8Array {
  const name = new TextEncoder().encode(path);
  if (name.length > PATH_BYTES_MAX) throw new RangeError(`\`${path}\` is too long for a tar archive`);
  const block = new Uint8Array(BLOCK_BYTES);
  const put = (offset: number, text: string): void => block.set(new TextEncoder().encode(text), offset);
  block.set(name);
  put(100, octal(mode, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(content.size, 11));
  put(136, octal(0, 11));
  put(156, content.type);
  put(257, "ustar\x0000");
  put(265, "root");
  put(297, "root");
  // The sum is taken with the field itself full of blanks.
  put(148, " ".repeat(8));
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, `${octal(sum, 6)}\0 `);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
