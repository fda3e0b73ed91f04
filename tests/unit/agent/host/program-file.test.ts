import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { explainStartFailure, findProgramFile } from "../../../../agent/host/program-file.ts";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "program-file-"));
  await mkdir(join(folder, "first/tool"), { recursive: true });
  await mkdir(join(folder, "second"));
  await mkdir(join(folder, "third"));
  await writeFile(join(folder, "second/tool"), "not executable");
  await writeFile(join(folder, "third/tool"), "#!/bin/sh\n");
  await chmod(join(folder, "third/tool"), 0o755);
});
afterAll(() => rm(folder, { recursive: true }));

const path = (...names: readonly string[]): string => names.map((name) => join(folder, name)).join(":");

describe("findProgramFile()", () => {
  test("takes the first executable file in PATH, past folders and files without the right", async () => {
    const found = await findProgramFile("tool", path("nowhere", "first", "second", "third"));
    expect(found).toEqual({ found: true, file: join(folder, "third/tool") });
  });

  test("answers 126 when only a file without the right has that name", async () => {
    const found = await findProgramFile("tool", path("second"));
    const file = join(folder, "second/tool");
    expect(found).toEqual({ found: false, exitCode: 126, reason: `\`${file}\` may not be executed` });
  });

  test("answers 127 and names PATH when no folder has it", async () => {
    const found = await findProgramFile("npm", path("first", "third"));
    expect(found).toMatchObject({ found: false, exitCode: 127 });
    expect(found).toMatchObject({
      reason: `\`npm\` was not found in the folders of PATH (\`${path("first", "third")}\`)`,
    });
  });

  test("never looks at PATH for a word with a slash", async () => {
    const found = await findProgramFile("./tool", path("third"));
    expect(found).toEqual({ found: false, exitCode: 127, reason: "`./tool` does not exist in the image" });
  });

  test("answers 126 for a folder", async () => {
    const file = join(folder, "first");
    expect(await findProgramFile(file, "")).toEqual({ found: false, exitCode: 126, reason: `\`${file}\` is a folder` });
  });
});

describe("explainStartFailure()", () => {
  test("says that the interpreter is missing when an existing file is not found", () => {
    const why = explainStartFailure("/app/run", Object.assign(new Error("x"), { code: "ENOENT" }));
    expect(why).toEqual({
      found: false,
      exitCode: 127,
      reason: "`/app/run` exists, but the interpreter or loader that it names does not",
    });
  });
});
