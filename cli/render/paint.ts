/** Colours as a value, so that a renderer without colour is the same renderer. */
export interface Paint {
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
  readonly red: (text: string) => string;
  readonly yellow: (text: string) => string;
  /** A colour of its own for each key, the same for every line. */
  readonly keyed: (key: string, text: string) => string;
}

/** SGR codes of ECMA-48 §8.3.117; foreground colours that are readable on dark and light ground. */
const KEYED = [36, 32, 35, 34, 33] as const;

export function paint(enabled: boolean): Paint {
  const sgr =
    (on: number, off: number) =>
    (text: string): string =>
      enabled ? `\u001B[${on}m${text}\u001B[${off}m` : text;
  return {
    dim: sgr(2, 22),
    bold: sgr(1, 22),
    red: sgr(31, 39),
    yellow: sgr(33, 39),
    keyed: (key, text) => sgr(KEYED[sum(key) % KEYED.length] ?? 36, 39)(text),
  };
}

function sum(text: string): number {
  let total = 0;
  for (const letter of text) total += letter.codePointAt(0) ?? 0;
  return total;
}
