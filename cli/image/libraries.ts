/** Finds the loader and the shared libraries that an executable needs, without running it. */
import { join } from "node:path";
import { AzdsError } from "../../core/errors.ts";
import { readElf, type Architecture } from "./elf.ts";

interface Library {
  /** File name by which programs ask for it. */
  readonly name: string;
  readonly content: Uint8Array;
}

export interface Libraries {
  readonly loader: Uint8Array;
  /** Everything needed but the loader, each once, in the order found. */
  readonly libraries: readonly Library[];
}

/** Where distributions keep libraries of one architecture; the loader's own configuration is not read. */
const FOLDERS: Readonly<Record<Architecture, readonly string[]>> = {
  amd64: ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"],
  arm64: ["/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"],
};

/**
 * The libraries of `executable` and, in turn, of those libraries.
 * @param executable the program as the system's own loader starts it, before `relocatable`
 * @throws AzdsError IMAGE_NOT_AVAILABLE when one is nowhere to be found
 */
export async function findLibraries(executable: Uint8Array): Promise<Libraries> {
  const { architecture, interpreter, needed } = readElf(executable);
  if (interpreter === undefined) {
    throw new AzdsError("IMAGE_NOT_AVAILABLE", "The image cannot be made from this executable: it names no loader");
  }
  const loader = await readFrom(interpreter);
  if (loader === undefined) throw new AzdsError("IMAGE_NOT_AVAILABLE", `The loader \`${interpreter}\` does not exist`);
  const found = new Map<string, Uint8Array>();
  const loaderName = interpreter.slice(interpreter.lastIndexOf("/") + 1);
  const wanted = [...needed];
  for (let name = wanted.shift(); name !== undefined; name = wanted.shift()) {
    if (name === loaderName || found.has(name)) continue;
    const content = await findLibrary(name, architecture);
    found.set(name, content);
    wanted.push(...readElf(content).needed);
  }
  return { loader, libraries: [...found].map(([name, content]) => ({ name, content })) };
}

async function findLibrary(name: string, architecture: Architecture): Promise<Uint8Array> {
  for (const folder of FOLDERS[architecture]) {
    const content = await readFrom(join(folder, name));
    if (content !== undefined && readElf(content).architecture === architecture) return content;
  }
  throw new AzdsError(
    "IMAGE_NOT_AVAILABLE",
    `The library \`${name}\` was not found in ${FOLDERS[architecture].join(", ")}`,
  );
}

async function readFrom(path: string): Promise<Uint8Array | undefined> {
  const file = Bun.file(path);
  return (await file.exists()) ? file.bytes() : undefined;
}
