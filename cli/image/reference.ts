/** The name of our image: it changes with the executable, so that a new build is never taken for an old one. */
import { IMAGE_PREFIX, VERSION } from "../../core/contract.ts";

/** Hexadecimal digits of the content hash in the tag: 48 bits tell builds apart. */
const HASH_DIGITS = 12;

/** `azds.local/azds:<version>-<12 hex of the executable's SHA-256>`; reads the whole file, some 60 ms for 120 MB. */
export async function imageReference(executable: string): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256");
  for await (const piece of Bun.file(executable).stream()) hash.update(piece);
  return `${IMAGE_PREFIX}/azds:${VERSION}-${hash.digest("hex").slice(0, HASH_DIGITS)}`;
}
