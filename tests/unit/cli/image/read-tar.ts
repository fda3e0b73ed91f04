/** A reader of ustar archives, written apart from the writer that it checks. */
export interface ReadEntry {
  readonly path: string;
  readonly mode: number;
  readonly content: Uint8Array;
}

export function readTar(archive: Uint8Array): readonly ReadEntry[] {
  const entries: ReadEntry[] = [];
  for (let offset = 0; archive[offset] !== 0;) {
    const field = (start: number, length: number): string =>
      new TextDecoder().decode(archive.subarray(offset + start, offset + start + length)).replace(/\0.*$/s, "");
    const size = Number.parseInt(field(124, 12), 8);
    const sum = archive
      .subarray(offset, offset + 512)
      .reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
    if (Number.parseInt(field(148, 8), 8) !== sum) throw new Error(`The checksum of ${field(0, 100)} is wrong`);
    entries.push({
      path: field(0, 100),
      mode: Number.parseInt(field(100, 8), 8),
      content: archive.slice(offset + 512, offset + 512 + size),
    });
    offset += 512 + Math.ceil(size / 512) * 512;
  }
  return entries;
}

export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}
