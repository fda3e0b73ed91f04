import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { inOrder, run } from "../run.ts";

/** Downloads Debian packages and unpacks them into a folder, without installing them on this machine. */
export async function unpackDebianPackages(dir: string, packages: readonly string[]): Promise<void> {
  if (existsSync(dir)) return;
  const downloads = `${dir}.downloads`;
  const unfinished = `${dir}.tmp`;
  for (const temporary of [downloads, unfinished]) {
    rmSync(temporary, { recursive: true, force: true });
    mkdirSync(temporary, { recursive: true });
  }
  // apt gives up root for downloads and then cannot write to this folder.
  const download = ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", ...packages];
  try {
    await run(download, { cwd: downloads });
  } catch {
    await run(["apt-get", "update", "-q"]);
    await run(download, { cwd: downloads });
  }
  await inOrder(readdirSync(downloads), (archive) =>
    run(["dpkg-deb", "--extract", join(downloads, archive), unfinished]),
  );
  rmSync(downloads, { recursive: true });
  renameSync(unfinished, dir);
}
