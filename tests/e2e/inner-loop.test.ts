/** Saves on a real cluster: into the running container, through crashes, restarts and cuts; several services at once. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { nativePath } from "../../core/sync/native-path.ts";
import {
  type Developer,
  enabledCluster,
  kubectl,
  kubectlOk,
  type RunningCommand,
  scratchFolder,
} from "./support/cluster.ts";
import { getServed } from "./support/http.ts";

const PROJECT = join(import.meta.dir, "../projects/chain");
const SPACE = "looptest";

let admin: Developer;
let root: string;

function folderOf(service: string): string {
  return join(root, service);
}

function write(service: string, path: string, text: string): void {
  const file = join(folderOf(service), path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

async function makeService(service: string): Promise<void> {
  cpSync(PROJECT, folderOf(service), { recursive: true });
  write(service, "service.json", JSON.stringify({ name: service }));
  const made = await admin.azds(["init", "--port", "80"], { cwd: folderOf(service) });
  if (made.code !== 0) throw new Error(made.stderr);
}

/** Adds `container.syncBack` to the azds.yaml of a service. */
function wantBack(service: string, globs: readonly string[]): void {
  const file = join(folderOf(service), "azds.yaml");
  const text = readFileSync(file, "utf8");
  const changed = text.replace(
    /^( *)container:\n/m,
    (line, indent) => `${line}${indent}  syncBack: ${JSON.stringify(globs)}\n`,
  );
  if (changed === text) throw new Error(`azds.yaml of ${service} has no container`);
  writeFileSync(file, changed);
}

async function podOf(service: string): Promise<string> {
  const selector = ["-l", `app.kubernetes.io/name=${service}`, "--field-selector", "status.phase=Running"];
  const names = await kubectlOk(["-n", SPACE, "get", "pods", ...selector, "-o", "jsonpath={.items[*].metadata.name}"]);
  return names.trim().split(" ")[0] ?? "";
}

/** A file of the service as the container has it; `undefined` for none. */
async function inContainer(service: string, path: string): Promise<string | undefined> {
  const command = ["exec", await podOf(service), "-c", service, "--", "cat", `/app/${path}`];
  const result = await kubectl(["-n", SPACE, ...command]);
  return result.code === 0 ? result.stdout : undefined;
}

async function eventually<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  let answer = await ask();
  for (let attempt = 0; attempt < 60 && !holds(answer); attempt += 1) {
    await Bun.sleep(500);
    answer = await ask();
  }
  return answer;
}

interface Up {
  readonly command: RunningCommand;
  readonly url: string;
}

async function up(service: string, args: readonly string[] = []): Promise<Up> {
  const command = admin.start(["up", "--no-tui", ...args], { cwd: folderOf(service) });
  await command.until(/Press Ctrl\+C to detach/);
  return { command, url: /port forwarding at (http:\S+)/.exec(command.output())?.[1] ?? "" };
}

/** Does `work` while `up` is attached, then detaches. */
async function attached(
  service: string,
  work: (up: Up) => Promise<void>,
  args: readonly string[] = [],
): Promise<string> {
  const running = await up(service, args);
  try {
    await work(running);
  } finally {
    await running.command.stop();
  }
  return running.command.output();
}

beforeAll(async () => {
  admin = await enabledCluster();
  const selected = await admin.azds(["space", "select", "-n", SPACE, "-y"]);
  if (selected.code !== 0) throw new Error(selected.stderr);
  root = join(scratchFolder("services"), "..");
  await makeService("web");
  wantBack("web", ["package-lock.json", "gen/**"]);
  await makeService("api");
  writeFileSync(nativePath(`${folderOf("api")}/caf\udce9.txt`), "built");
}, 120_000);

afterAll(async () => {
  await admin.azds(["space", "remove", "-n", SPACE, "-y"]);
  rmSync(root, { recursive: true, force: true });
});

describe("a save while attached", () => {
  test("that only copies restarts nothing; any other restarts the application in its pod", async () => {
    await attached("web", async ({ command, url }) => {
      const pod = await podOf("web");
      write("web", "public/a.css", "a { }");
      await command.until(/`public\/a.css` changed: copied in \d+ ms, `public\/\*\*` in `container.sync` copies it/);
      expect(await inContainer("web", "public/a.css")).toBe("a { }");
      write("web", "service.json", '{"name":"two"}');
      await command.until(/`service.json` changed: restarted in \d+ ms, `container.iterate` restarts/);
      await command.until(/two listens/);
      expect(await getServed(url)).toBe('200 ["two"]');
      expect(await podOf("web")).toBe(pod);
    });
  }, 180_000);

  test("renames and deletions travel, what the container made itself stays", async () => {
    await attached("web", async ({ command }) => {
      await kubectlOk([
        "-n",
        SPACE,
        "exec",
        await podOf("web"),
        "-c",
        "web",
        "--",
        "sh",
        "-c",
        "echo x > /app/made-here",
      ]);
      write("web", "public/deep/b.css", "b");
      await command.until(/`public\/deep\/b\.css` changed/);
      renameSync(join(folderOf("web"), "public/deep"), join(folderOf("web"), "public/moved"));
      rmSync(join(folderOf("web"), "public/a.css"));
      const gone = async (): Promise<string | undefined> => inContainer("web", "public/a.css");
      expect(await eventually(gone, (text) => text === undefined)).toBeUndefined();
      expect(await inContainer("web", "public/moved/b.css")).toBe("b");
      expect(await inContainer("web", "public/deep/b.css")).toBeUndefined();
      expect(await inContainer("web", "made-here")).toBe("x\n");
    });
  }, 120_000);

  test("an application that crashes is held in its container; the next save mends it", async () => {
    const file = join(folderOf("web"), "server.js");
    const good = readFileSync(file, "utf8");
    await attached("web", async ({ command, url }) => {
      const pod = await podOf("web");
      writeFileSync(file, "process.exit(7);\n");
      await command.until(/the application ended with code 7; it starts again with the next save/);
      write("web", "service.json", '{"name":"mended"}');
      writeFileSync(file, good);
      await command.until(/mended listens/);
      expect(await getServed(url)).toBe('200 ["mended"]');
      const restarts = `jsonpath={.status.containerStatuses[?(@.name=="web")].restartCount}`;
      expect(await kubectlOk(["-n", SPACE, "get", "pod", pod, "-o", restarts])).toBe("0");
    });
  }, 120_000);

  test("an application that crashes in its first second does not end up: the next save mends it", async () => {
    await makeService("late");
    const good = readFileSync(join(folderOf("late"), "server.js"), "utf8");
    write("late", "server.js", "process.exit(3);\n");
    await attached("late", async ({ command, url }) => {
      await command.until(/the application ended with code 3; it starts again with the next save/);
      write("late", "server.js", good);
      await command.until(/late listens/);
      expect(await getServed(url)).toBe('200 ["late"]');
    });
    rmSync(folderOf("late"), { recursive: true });
  }, 120_000);

  test("a dependency file runs its command in the container, no image is built, and the lock file comes back", async () => {
    const lock = join(folderOf("web"), "package-lock.json");
    const output = await attached("web", async ({ command }) => {
      const file = join(folderOf("web"), "package.json");
      writeFileSync(file, `${JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), version: "2.0.0" })}\n`);
      await command.until(/`package.json` changed: restarted in \d+ ms, `npm install` is its command/);
      await command.until(/`package-lock\.json` came from pod `web-/);
      expect(JSON.parse(readFileSync(lock, "utf8"))).toMatchObject({ version: "2.0.0" });
      expect(await inContainer("web", "package-lock.json")).toBe(readFileSync(lock, "utf8"));
      const make = ["--", "sh", "-c", "mkdir -p /app/gen/a && echo made > /app/gen/a/b.txt"];
      await kubectlOk(["-n", SPACE, "exec", await podOf("web"), "-c", "web", ...make]);
      await command.until(/`gen\/a\/b\.txt` came from pod/);
      expect(readFileSync(join(folderOf("web"), "gen/a/b.txt"), "utf8")).toBe("made\n");
      // A save of the developer's goes the other way, after all that came: none of it restarted or built anything.
      write("web", "public/last.css", "last");
      await command.until(/`public\/last\.css` changed: copied/);
    });
    expect(output).not.toContain("Building container image");
    expect(output.match(/changed: /g)).toHaveLength(2);
  }, 120_000);

  test("--no-rebuild refuses a change of the Dockerfile, and goes on", async () => {
    const file = join(folderOf("web"), "Dockerfile.develop");
    const before = readFileSync(file, "utf8");
    const output = await attached(
      "web",
      async ({ command }) => {
        writeFileSync(file, `${before}\n`);
        await command.until(/REBUILD_REFUSED: `Dockerfile.develop` changed and needs a new image/);
        write("web", "public/c.css", "c");
        await command.until(/`public\/c.css` changed: copied/);
      },
      ["--no-rebuild"],
    );
    writeFileSync(file, before);
    expect(output).not.toContain("Building container image");
  }, 120_000);
});

describe("what was saved", () => {
  test("an unchanged up builds nothing and attaches to the pod that is there", async () => {
    const pod = await podOf("web");
    const output = await attached("web", async () => undefined);
    expect(output).toContain("Nothing to build");
    expect(output).not.toContain("restarting");
    expect(await podOf("web")).toBe(pod);
  }, 60_000);

  test("changes made while nobody was attached are brought by up -d, in place", async () => {
    const pod = await podOf("web");
    write("web", "service.json", '{"name":"detached"}');
    rmSync(join(folderOf("web"), "public/c.css"));
    const result = await admin.azds(["up", "-d"], { cwd: folderOf("web") });
    expect(result.code).toBe(0);
    expect(result.stdout).toContain("2 files brought up to date, restarting the application");
    expect(await inContainer("web", "service.json")).toBe('{"name":"detached"}');
    expect(await inContainer("web", "public/c.css")).toBeUndefined();
    expect(await podOf("web")).toBe(pod);
  }, 60_000);

  test("survives a restart of the container", async () => {
    const pod = await podOf("web");
    await kubectl(["-n", SPACE, "exec", pod, "-c", "web", "--", "sh", "-c", "kill -9 -1; kill -TERM 1"]);
    const restarts = `jsonpath={.status.containerStatuses[?(@.name=="web")].restartCount}`;
    const count = async (): Promise<string> => kubectlOk(["-n", SPACE, "get", "pod", pod, "-o", restarts]);
    expect(Number(await eventually(count, (text) => Number(text) > 0))).toBeGreaterThan(0);
    const served = async (): Promise<string | undefined> => inContainer("web", "service.json");
    expect(await eventually(served, (text) => text !== undefined)).toBe('{"name":"detached"}');
  }, 90_000);

  test("a killed up leaves whole files, and the next one brings the rest", async () => {
    const { command } = await up("web");
    const big = "x".repeat(20_000_000);
    write("web", "public/big.bin", big);
    await Bun.sleep(15);
    await command.stop("SIGKILL");
    const size = async (): Promise<string> => {
      const shell = "stat -c %s /app/public/big.bin 2>/dev/null || echo none";
      const out = await kubectlOk(["-n", SPACE, "exec", await podOf("web"), "-c", "web", "--", "sh", "-c", shell]);
      return out.trim();
    };
    expect(["none", String(big.length)]).toContain(await size());
    await attached("web", async () => undefined);
    expect(await size()).toBe(String(big.length));
  }, 120_000);
});

test("several services come up together with one output, each under its name", async () => {
  const command = admin.start(["up", "--no-tui", "web", "api"], { cwd: root });
  await command.until(/Press Ctrl\+C to detach[^]*Press Ctrl\+C to detach/);
  const output = command.output();
  expect(output).toContain("api: Building container image...");
  expect(output).toContain("web: Nothing to build");
  write("api", "service.json", '{"name":"api-two"}');
  await command.until(/api: `service.json` changed: restarted/);
  await command.until(/api-two listens/);
  // A name of Latin 1: in the image, and saved.
  const latin = async (): Promise<string> => {
    const shell = "cat /app/caf$(printf '\\351').txt";
    return (await kubectl(["-n", SPACE, "exec", await podOf("api"), "-c", "api", "--", "sh", "-c", shell])).stdout;
  };
  expect(await latin()).toBe("built");
  writeFileSync(nativePath(`${folderOf("api")}/caf\udce9.txt`), "saved");
  expect(await eventually(latin, (text) => text === "saved")).toBe("saved");
  const gateways = new Set([...output.matchAll(/azds\.localhost:(\d+)\//g)].map(([, port]) => port));
  expect(gateways.size).toBe(1);
  expect(await command.stop()).toBe(0);
}, 180_000);

test("a folder with services below it means all of them", async () => {
  const result = await admin.azds(["up", "-d"], { cwd: root });
  expect(result.code).toBe(0);
  expect(result.stdout).toContain("web: Nothing to build");
  expect(result.stdout).toContain("api: Service 'api' is running");
}, 120_000);

test("a required service is left alone where it runs, and comes first where it does not", async () => {
  const file = join(folderOf("web"), "azds.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace(/^install:$/m, "install:\n  requires: [../api]"));
  const beside = await admin.azds(["up", "-d"], { cwd: folderOf("web") });
  expect(beside.code).toBe(0);
  expect(beside.stdout).toContain(`\`api\` is required, and runs in \`${SPACE}\` already`);
  expect((await admin.azds(["down", "-y"], { cwd: folderOf("api") })).code).toBe(0);
  const both = await admin.azds(["up", "-d"], { cwd: folderOf("web") });
  expect(both.code).toBe(0);
  expect(both.stdout).toMatch(/api: Service 'api' is running[^]*web: Nothing to build/);
}, 120_000);

test("--await-exec starts no application, and keeps its container for `azds exec`", async () => {
  const cwd = folderOf("api");
  await attached(
    "api",
    async ({ command }) => {
      await command.until(/the application is not started; `azds exec -- COMMAND` runs what is wanted there/);
      write("api", "service.json", '{"name":"waiting"}');
      await command.until(/`service\.json` changed: restarted/);
      const listing = await admin.azds(["exec", "--", "sh", "-c", "cat service.json; ls /proc/*/exe"], { cwd });
      expect(listing.code).toBe(0);
      expect(listing.stdout).toStartWith('{"name":"waiting"}');
      expect(command.output()).not.toContain("waiting listens");
    },
    ["--await-exec"],
  );
  await attached("api", async ({ command }) => {
    await command.until(/waiting listens/);
  });
}, 120_000);
