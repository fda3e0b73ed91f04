/** Saves on a real project folder, and what the container should have of it afterwards. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BRANCH_FILES, type Save } from "./plan.ts";
import { randomFrom } from "./random.ts";

/** Path below the project → SHA-256. */
export type Listing = Readonly<Record<string, string>>;

/** Nothing else is there after `azds init` that lives in the container and is changed here. */
export const FOLLOWED = ["public", "lib", "server.js", "service.json"] as const;

/** A save of what is not there does nothing. */
export function applySave(folder: string, save: Save): void {
  const at = (path: string): string => join(folder, path);
  const write = (path: string, content: string | Uint8Array): void => {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), content);
  };
  switch (save.kind) {
    case "write":
      return write(save.path, save.text);
    case "big":
      return write(save.path, noise(save.seed, save.bytes));
    case "delete":
      return rmSync(at(save.path), { force: true });
    case "marker":
      return write("service.json", JSON.stringify({ name: save.name }));
    case "rename":
      if (!existsSync(at(save.from)) || save.from === save.to) return;
      mkdirSync(dirname(at(save.to)), { recursive: true });
      return renameSync(at(save.from), at(save.to));
    case "branch": {
      // Half of the files stay by name, the rest is removed and made.
      const random = randomFrom(save.seed);
      rmSync(at("public/branch"), { recursive: true, force: true });
      for (let file = 0; file < BRANCH_FILES; file += 1)
        write(`public/branch/${random.below(10)}/f${file}-${random.below(2)}.txt`, random.text(50));
    }
  }
}

function noise(seed: number, bytes: number): Uint8Array {
  const random = randomFrom(seed);
  const block = new TextEncoder().encode(random.text(4096));
  const content = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += block.length) content.set(block.subarray(0, bytes - at), at);
  return content;
}

/** What is on disk now. */
export function listFolder(folder: string): Listing {
  const found: Record<string, string> = {};
  const visit = (path: string): void => {
    const full = join(folder, path);
    if (!existsSync(full)) return;
    for (const entry of readdirSync(full, { withFileTypes: true })) {
      const below = `${path}/${entry.name}`;
      if (entry.isDirectory()) visit(below);
      else found[below] = hashOf(join(full, entry.name));
    }
  };
  for (const root of FOLLOWED) {
    if (root.includes(".")) found[root] = hashOf(join(folder, root));
    else visit(root);
  }
  return found;
}

function hashOf(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

/** Empty when both are the same. */
export function differences(disk: Listing, container: Listing): readonly string[] {
  const paths = [...new Set([...Object.keys(disk), ...Object.keys(container)])].toSorted();
  return paths.flatMap((path) => {
    if (disk[path] === container[path]) return [];
    if (container[path] === undefined) return [`${path} is missing in the container`];
    return [disk[path] === undefined ? `${path} should be gone` : `${path} has another content`];
  });
}
