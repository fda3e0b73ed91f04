/** What lies in the folder where azds is started has no power over it. */
import { beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { azds, ensureBuilt } from "./executable.ts";

beforeAll(ensureBuilt);

async function inFolder<T>(files: Readonly<Record<string, string>>, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "azds-hostile-"));
  try {
    await mkdir(join(folder, "home"));
    await Promise.all(Object.entries(files).map(async ([name, text]) => Bun.write(join(folder, name), text)));
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("a bunfig.toml there runs no code", async () => {
  const files = {
    "bunfig.toml": 'preload = ["./evil.ts"]\n',
    "evil.ts": 'await Bun.write("evil-was-here", "");\n',
  };
  await inFolder(files, async (cwd) => {
    const { code } = await azds(["--help"], { cwd, env: { HOME: join(cwd, "home") } });
    expect(code).toBe(0);
    expect(await Bun.file(join(cwd, "evil-was-here")).exists()).toBe(false);
  });
});

test("a .env there sets no variable", async () => {
  const kubeconfig = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "from-dotenv",
    contexts: [{ name: "from-dotenv", context: { cluster: "c", user: "u" } }],
    clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:1" } }],
    users: [{ name: "u", user: { token: "t" } }],
  };
  const files = { ".env": "KUBECONFIG=./evil.json\n", "evil.json": JSON.stringify(kubeconfig) };
  await inFolder(files, async (cwd) => {
    const env = { HOME: join(cwd, "home") };
    const { stderr } = await azds(["space", "list"], { cwd, env });
    expect(stderr).not.toContain("from-dotenv");
    // The file works, so it is the variable that did not arrive.
    const named = await azds(["space", "list"], { cwd, env: { ...env, KUBECONFIG: join(cwd, "evil.json") } });
    expect(named.stderr).toContain("from-dotenv");
  });
});
