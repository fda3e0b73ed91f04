/** Writes the one image of the product from the running executable. */
import { writeFile } from "node:fs/promises";
import { AGENT_FOLDER, EXECUTABLE, PROXY_UID, VERSION } from "../../core/contract.ts";
import { LOADER_PATH, readElf, relocatable } from "./elf.ts";
import { findLibraries } from "./libraries.ts";
import { imageArchive } from "./oci.ts";
import type { TarEntry } from "./tar.ts";

export interface ImageExport {
  /** Path of the executable that becomes the image. */
  readonly executable: string;
  /** The archive to write; an existing file is replaced. */
  readonly file: string;
  readonly reference: string;
}

/**
 * @returns size of the archive in bytes
 * @throws AzdsError IMAGE_NOT_AVAILABLE when the executable is not for Linux or its libraries are missing
 */
export async function exportImage({ executable, file, reference }: ImageExport): Promise<number> {
  const program = await Bun.file(executable).bytes();
  const { architecture } = readElf(program);
  const { loader, libraries } = await findLibraries(program);
  const files: readonly TarEntry[] = [
    folder(AGENT_FOLDER),
    regular(EXECUTABLE, relocatable(program), 0o755),
    regular(LOADER_PATH, loader, 0o755),
    ...libraries.map(({ name, content }) => regular(`${AGENT_FOLDER}/${name}`, content, 0o644)),
    folder("/etc"),
    ...Object.entries(ACCOUNTS).map(([path, text]) => regular(path, new TextEncoder().encode(text), 0o644)),
  ];
  const pieces = imageArchive({
    reference,
    architecture,
    entrypoint: [EXECUTABLE],
    labels: { "org.opencontainers.image.title": "azds", "org.opencontainers.image.version": VERSION },
    files,
  });
  await writeFile(file, pieces);
  return pieces.reduce((total, piece) => total + piece.length, 0);
}

/** What glibc's look-ups of users and hosts read (passwd(5), group(5), nsswitch.conf(5)). */
const ACCOUNTS: Readonly<Record<string, string>> = {
  "/etc/passwd": `root:x:0:0::/:/\nazds:x:${PROXY_UID}:${PROXY_UID}::/:/\n`,
  "/etc/group": `root:x:0:\nazds:x:${PROXY_UID}:\n`,
  "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
};

function folder(path: string): TarEntry {
  return { kind: "folder", path: path.slice(1), mode: 0o755 };
}

function regular(path: string, content: Uint8Array, mode: number): TarEntry {
  return { kind: "file", path: path.slice(1), mode, content: [content] };
}
