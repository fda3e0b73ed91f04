/** What becomes of a file that a container made or changed, from what lies on the developer's disk. Pure. */
import type { BackFile } from "../../../core/sync/back.ts";

/** A place on the developer's disk. */
export type Place =
  | { readonly kind: "absent" }
  | { readonly kind: "file"; readonly sha256: string; readonly mode: number }
  /** Nothing may be put there: why, as the end of a sentence. */
  | { readonly kind: "closed"; readonly why: string };

export type BackDeed =
  /** `mode` for the file there. */
  | { readonly deed: "bring"; readonly mode: number }
  | { readonly deed: "leave" }
  /** Both sides have changed it, or nobody knows: the developer's stays, the container's is kept elsewhere. */
  | { readonly deed: "conflict" }
  | { readonly deed: "refuse"; readonly why: string };

/** @param base hash of what both sides had last, where that is known */
export function planBack({ sha256, mode }: BackFile, there: Place, base: string | undefined): BackDeed {
  switch (there.kind) {
    case "closed":
      return { deed: "refuse", why: there.why };
    case "absent":
      return { deed: "bring", mode: mode | 0o600 };
    case "file":
      if (there.sha256 === sha256 || base === sha256) return { deed: "leave" };
      if (there.sha256 !== base) return { deed: "conflict" };
      return { deed: "bring", mode: withExecution(there.mode, mode) };
  }
}

const EXECUTE = 0o111;

/** Who may read and write is the developer's; whether it is a program, the container's. */
function withExecution(there: number, mode: number): number {
  return (mode & EXECUTE) === 0 ? there & ~EXECUTE : there | ((there & 0o444) >> 2);
}
