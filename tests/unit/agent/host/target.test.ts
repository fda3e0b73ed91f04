import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openTarget } from "../../../../agent/host/target.ts";
import { withPlace } from "./support.ts";

test("openTarget() makes the folder, follows symlinks, and leaves nothing in it", async () => {
  await withPlace(async ({ folder }) => {
    const real = join(realpathSync(folder), "a/b");
    expect(openTarget(join(folder, "a/b"))).toEqual({ folder: real });
    symlinkSync("a/b", join(folder, "link"));
    expect(openTarget(join(folder, "link"))).toEqual({ folder: real });
    expect(readdirSync(real)).toEqual([]);
  });
});

test("openTarget() refuses `/`, also behind a symlink: a project's `bin` or `lib` would replace the system's", async () => {
  await withPlace(async ({ folder }) => {
    symlinkSync("/", join(folder, "root"));
    for (const target of ["/", join(folder, "root")]) {
      expect(openTarget(target)).toEqual({
        folder: "/",
        refusal: {
          why: "Files cannot be brought to `/`, where they would lie among those of the system",
          volumeHelps: false,
        },
      });
    }
  });
});

test("openTarget() knows that a volume helps nobody where a file is in the way", async () => {
  await withPlace(async ({ folder }) => {
    writeFileSync(join(folder, "file"), "");
    const file = join(folder, "file");
    expect(openTarget(file).refusal).toEqual({ why: `\`${file}\` is no folder`, volumeHelps: false });
  });
});

// Root may write everywhere, so that it takes another user to see it; only root can become one.
test.skipIf(process.getuid?.() !== 0)("openTarget() says who may not write, and that a volume helps", async () => {
  await withPlace(async ({ folder }) => {
    const closed = join(folder, "closed");
    mkdirSync(closed, { mode: 0o755 });
    const module = join(import.meta.dir, "../../../../agent/host/target.ts");
    const script = `const { openTarget } = await import(${JSON.stringify(module)});
      process.setgid(1000); process.setuid(1000);
      console.log(JSON.stringify(openTarget(${JSON.stringify(closed)}).refusal));`;
    const child = Bun.spawnSync([process.execPath, "-e", script]);
    const refusal: unknown = JSON.parse(child.stdout.toString() || JSON.stringify(child.stderr.toString()));
    expect(refusal).toEqual({ why: `User 1000 may not write in \`${closed}\``, volumeHelps: true });
  });
});
