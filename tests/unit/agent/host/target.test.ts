import { expect, test } from "bun:test";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openTarget } from "../../../../agent/host/target.ts";
import { withPlace } from "./support.ts";

test("openTarget() makes the folder, and takes the way that symlinks lead", async () => {
  await withPlace(async ({ folder, target }) => {
    expect(openTarget(join(target, "a/b"))).toEqual({ folder: join(target, "a/b") });
    symlinkSync(target, join(folder, "link"));
    expect(openTarget(join(folder, "link"))).toEqual({ folder: target });
    expect(existsSync(join(target, ".azds-sync"))).toBe(false);
  });
});

test("openTarget() says who cannot write where", async () => {
  await withPlace(async ({ folder }) => {
    writeFileSync(join(folder, "file"), "");
    expect(openTarget(join(folder, "file")).refusal).toBe(`\`${join(folder, "file")}\` is no folder`);
    expect(openTarget("/proc/sys").refusal).toContain("cannot write in `/proc/sys`");
    mkdirSync(join(folder, "fine"));
    expect(openTarget(join(folder, "fine")).refusal).toBeUndefined();
  });
});
