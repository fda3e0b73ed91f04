/** Numbers that look random and are the same for the same seed: a failure can be repeated. */

export interface Random {
  /** A whole number from 0 to `count` - 1. */
  readonly below: (count: number) => number;
  readonly pick: <T>(list: readonly [T, ...T[]]) => T;
  /** The list in another order. */
  readonly shuffled: <T>(list: readonly T[]) => readonly T[];
  /** `count` characters that no compression makes small. */
  readonly text: (count: number) => string;
}

const CHARS = "abcdefghijklmnopqrstuvwxyz0123456789";

/** The 32-bit generator mulberry32 (Tommy Ettinger, public domain). */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count: number): number => Math.floor(next() * count);
  return {
    below,
    pick: (list) => list[below(list.length)] ?? list[0],
    shuffled: (list) =>
      list
        .map((item) => ({ item, key: next() }))
        .toSorted((a, b) => a.key - b.key)
        .map(({ item }) => item),
    text: (count) => Array.from({ length: count }, () => CHARS[below(CHARS.length)]).join(""),
  };
}
