/** What the pod's volume gets: the executable with its libraries for the agent, and the images' configurations. */
import { chmod, copyFile, readdir, rename, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ImageConfigs } from "../../core/build-config.ts";
import { IMAGE_CONFIG_FILE } from "../../core/contract.ts";

/** Copies every file of `from` into `to` with its mode; a file that is there already is replaced at once. */
export async function copyAgent(from: string, to: string): Promise<void> {
  const entries = await readdir(from, { withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
  await Promise.all(
    files.map(async (name) => {
      const partial = join(to, `.${name}.tmp`);
      await copyFile(join(from, name), partial);
      await rename(partial, join(to, name));
    }),
  );
}

/** The agent reads the file under any user id. */
export async function writeImageConfigs(to: string, configs: ImageConfigs): Promise<void> {
  const file = join(to, basename(IMAGE_CONFIG_FILE));
  await writeFile(`${file}.tmp`, JSON.stringify(configs));
  await chmod(`${file}.tmp`, 0o644);
  await rename(`${file}.tmp`, file);
}
