import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyFolder } from "../../../../agent/seed/copy.ts";
import { stringEnvironment } from "../../../../core/build-config.ts";
import { nativePath } from "../../../../core/sync/native-path.ts";

const ENTRY = join(import.meta.dir, "../../../../cli/main.ts");
/** Root reads everything; without these capabilities it is as other users. */
const AS_OTHERS = process.getuid?.() === 0 ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] : [];

let scratch = "";
let [from, to] = ["", ""];
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "azds-seed-"));
  [from, to] = [join(scratch, "app"), join(scratch, "volume")];
  mkdirSync(from);
  mkdirSync(to);
});
afterEach(async () => {
  await rm(scratch, { recursive: true, force: true });
});

/** Every entry below `folder` with kind, mode, time and content. */
function listing(folder: string): readonly unknown[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .toSorted()
    .map((name) => {
      const path = join(folder, name);
      const about = lstatSync(path);
      const content = about.isFile() ? readFileSync(path, "latin1") : about.isSymbolicLink() ? readlinkSync(path) : "";
      return [name, about.mode, Math.round(about.mtimeMs), content];
    });
}

async function fill(): Promise<void> {
  mkdirSync(join(from, "src/deep/er"), { recursive: true });
  mkdirSync(join(from, "empty"), { mode: 0o750 });
  await writeFile(join(from, "src/main.js"), "main");
  await writeFile(join(from, "src/deep/run.sh"), "#!/bin/sh\n");
  await writeFile(join(from, "read-only"), "r");
  await writeFile(join(from, "nothing"), "");
  await writeFile(join(from, "ünï\nline"), "name");
  chmodSync(join(from, "src/deep/run.sh"), 0o755);
  chmodSync(join(from, "read-only"), 0o444);
  await symlink("src/main.js", join(from, "link"));
  await symlink("/nowhere", join(from, "dangling"));
  await symlink("src", join(from, "folder-link"));
  await utimes(join(from, "src/main.js"), 1_600_000_000, 1_500_000_000.25);
  await utimes(join(from, "src/deep/er"), 1_600_000_000, 1_400_000_000);
  await utimes(join(from, "src"), 1_600_000_000, 1_400_000_001);
}

describe("copyFolder()", () => {
  test("keeps kinds, modes, times and links, and empty folders", async () => {
    await fill();
    const { files, folders, leftOut } = await copyFolder(from, to);
    expect(listing(to)).toEqual(listing(from));
    expect([files, folders, leftOut]).toEqual([5, 4, []]);
  });

  test("gives the same again, whatever became of the volume", async () => {
    await fill();
    const first = await copyFolder(from, to);
    await rm(join(to, "src/main.js"));
    await rm(join(to, "link"));
    mkdirSync(join(to, "link"));
    await writeFile(join(to, "src/added"), "x");
    expect(await copyFolder(from, to)).toEqual(first);
    expect(listing(to)).toEqual(listing(from));
  });

  test("keeps names that are not UTF-8", async () => {
    mkdirSync(nativePath(`${from}/caf\udce9`));
    writeFileSync(nativePath(`${from}/caf\udce9/a\udcff`), "a");
    symlinkSync(nativePath("a\udcff"), nativePath(`${from}/caf\udce9/l`));
    expect(await copyFolder(from, to)).toMatchObject({ files: 1, folders: 1, leftOut: [] });
    expect(readFileSync(nativePath(`${to}/caf\udce9/l`), "utf8")).toBe("a");
  });

  test("lets the owner write in every folder, and no file run as its owner", async () => {
    mkdirSync(join(from, "closed"));
    await writeFile(join(from, "closed/tool"), "x");
    chmodSync(join(from, "closed/tool"), 0o4755);
    chmodSync(join(from, "closed"), 0o555);
    await copyFolder(from, to);
    expect(lstatSync(join(to, "closed")).mode & 0o7777).toBe(0o755);
    expect(lstatSync(join(to, "closed/tool")).mode & 0o7777).toBe(0o755);
    chmodSync(join(from, "closed"), 0o755);
  });

  test("leaves a pipe out, and says so", async () => {
    await Bun.$`mkfifo ${join(from, "pipe")}`.quiet();
    await writeFile(join(from, "file"), "x");
    const { files, leftOut } = await copyFolder(from, to);
    expect([files, leftOut]).toEqual([1, [`${join(from, "pipe")}: neither file, folder nor link`]]);
    expect(readdirSync(to)).toEqual(["file"]);
  });

  test("leaves the volume empty where the folder is not there", async () => {
    await writeFile(join(to, "old"), "x");
    expect(await copyFolder(join(scratch, "missing"), to)).toEqual({ files: 0, folders: 0, bytes: 0, leftOut: [] });
    expect(readdirSync(to)).toEqual([]);
  });

  test("follows the folder itself when it is a link", async () => {
    await fill();
    await symlink("app", join(scratch, "alias"));
    await copyFolder(join(scratch, "alias"), to);
    expect(listing(to)).toEqual(listing(from));
  });

  test("rejects a file in the folder's place, and stops at the signal", async () => {
    await writeFile(join(scratch, "file"), "x");
    expect(copyFolder(join(scratch, "file"), to)).rejects.toThrow("ENOTDIR");
    for (let index = 0; index < 200; index += 1) await writeFile(join(from, `${index}`), "");
    expect(copyFolder(from, to, AbortSignal.abort(new Error("stopped")))).rejects.toThrow("stopped");
  });
});

describe("__seed", () => {
  const run = (prefix: readonly string[], ...argv: string[]): { readonly code: number; readonly log: string } => {
    const { exitCode, stderr } = Bun.spawnSync([...prefix, process.execPath, ENTRY, "__seed", ...argv], {
      env: stringEnvironment(process.env),
    });
    return { code: exitCode, log: stderr.toString() };
  };

  test("names what its user may not read, copies the rest and is content", async () => {
    await writeFile(join(from, "secret"), "x");
    await writeFile(join(from, "open"), "x");
    mkdirSync(join(from, "shut"));
    await writeFile(join(from, "shut/inside"), "x");
    chmodSync(join(from, "secret"), 0o000);
    chmodSync(join(from, "shut"), 0o000);
    const { code, log } = run(AS_OTHERS, from, to);
    chmodSync(join(from, "shut"), 0o755);
    expect(`${code} ${log}`).toStartWith("0 ");
    expect(log).toContain(`${join(from, "secret")}: EACCES`);
    expect(log).toContain(`${join(from, "shut")}: EACCES`);
    expect(readdirSync(to).toSorted()).toEqual(["open", "shut"]);
  });

  test("fails with the reason when the space is exhausted", async () => {
    await writeFile(join(from, "big"), Buffer.alloc(300 * 1024));
    const script = `mount -t tmpfs -o size=128k none ${to} && exec "$@"`;
    const { code, log } = run(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"], from, to);
    expect(log).toContain("ENOSPC");
    expect(code).toBe(1);
  });

  test("fails without names, and with a volume that is not there", () => {
    expect(run([], from).code).toBe(1);
    const { code, log } = run([], from, join(scratch, "missing"));
    expect(log).toContain("ENOENT");
    expect(code).toBe(1);
    expect(existsSync(join(scratch, "missing"))).toBe(false);
  });
});
