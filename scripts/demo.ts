/**
 * `make demo`: the main job from nothing. A cluster, azds on it, the sample shop as the baseline in `dev`, one changed
 * service in `dev/alice`; then both URLs are asked, and only her service may differ.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

const ROOT = join(import.meta.dir, "..");
const AZDS = join(ROOT, "dist/azds");
/** Everything the demo writes; git ignores it. */
const FOLDER = join(ROOT, ".demo");
const SERVICES = ["prices", "catalog", "basket", "storefront"] as const;
const GREETING = "Welcome to the shop";
const ALICE_GREETING = "Welcome to Alice's shop";
const ATTACH_MS_MAX = 180_000;
const ASK_MS_MAX = 20_000;

interface Target {
  readonly context: string;
  readonly kubeconfig: string | undefined;
}

interface Answer {
  readonly greeting: string;
  readonly products: unknown;
  readonly answeredBy: readonly { readonly service: string; readonly space: string }[];
}

const rows: { readonly step: string; readonly ms: number }[] = [];

async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  console.log(`\n== ${name}`);
  const started = performance.now();
  const result = await work();
  rows.push({ step: name, ms: performance.now() - started });
  return result;
}

function environment(target: Target): Record<string, string> {
  const inherited = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return {
    ...Object.fromEntries(inherited),
    PATH: `${join(ROOT, ".cluster/bin")}:${process.env["PATH"] ?? ""}`,
    ...(target.kubeconfig === undefined ? {} : { KUBECONFIG: target.kubeconfig, AZDS_HOME: join(FOLDER, "home") }),
  };
}

async function run(
  argv: readonly string[],
  options: { readonly cwd?: string; readonly target?: Target; readonly prefix?: string },
): Promise<void> {
  const child = Bun.spawn([...argv], {
    cwd: options.cwd ?? ROOT,
    env: options.target === undefined ? process.env : environment(options.target),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const show = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) console.log(options.prefix === undefined ? line : `${options.prefix} | ${line}`);
    }
    if (rest !== "") console.log(rest);
  };
  await Promise.all([show(child.stdout), show(child.stderr)]);
  const code = await child.exited;
  if (code !== 0) throw new Error(`\`${argv.join(" ")}\` ended with exit code ${code}`);
}

function azds(target: Target, ...args: readonly string[]): readonly string[] {
  return [AZDS, "--context", target.context, ...args];
}

/** Starts `azds up` in alice's copy and resolves with the gateway's port once it is attached. */
async function attach(
  target: Target,
  cwd: string,
): Promise<{ readonly port: number; readonly detach: () => Promise<void> }> {
  const child = Bun.spawn([...azds(target, "up", "--no-tui")], {
    cwd,
    env: environment(target),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  let output = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of child.stdout) {
      const text = decoder.decode(bytes, { stream: true });
      process.stdout.write(text);
      output += text;
    }
  })();
  const deadline = Date.now() + ATTACH_MS_MAX;
  while (!output.includes("Press Ctrl+C to detach")) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error("`azds up` did not attach");
    await Bun.sleep(20);
  }
  const port = Number(/azds\.localhost:(?<port>\d+)/.exec(output)?.groups?.["port"]);
  const detach = async (): Promise<void> => {
    child.kill("SIGINT");
    await reading;
    await child.exited;
  };
  return { port, detach };
}

async function ask(host: string, port: number): Promise<Answer> {
  const deadline = Date.now() + ASK_MS_MAX;
  for (;;) {
    // The name resolves to loopback everywhere; asking 127.0.0.1 spares a resolver that does not know it.
    const response = await fetch(`http://127.0.0.1:${port}/api`, { headers: { host: `${host}:${port}` } });
    if (response.ok) return (await response.json()) as Answer;
    if (Date.now() > deadline)
      throw new Error(`http://${host}:${port}/api answered ${response.status}: ${await response.text()}`);
    await Bun.sleep(200);
  }
}

function check(what: string, holds: boolean): void {
  console.log(`${holds ? "ok  " : "FAIL"} ${what}`);
  if (!holds) throw new Error(`The demo shows something else than expected: ${what}`);
}

function spacesOf(answer: Answer): Readonly<Record<string, string>> {
  return Object.fromEntries(answer.answeredBy.map(({ service, space }) => [service, space]));
}

function compare(dev: Answer, alice: Answer): void {
  check(`the parent's URL greets with "${GREETING}"`, dev.greeting === GREETING);
  check(
    "every service of the parent's URL runs in dev",
    SERVICES.every((service) => spacesOf(dev)[service] === "dev"),
  );
  check(`alice's URL greets with "${ALICE_GREETING}"`, alice.greeting === ALICE_GREETING);
  check("alice's storefront answers there", spacesOf(alice)["storefront"] === "alice");
  check(
    "all other services are shared with dev",
    SERVICES.every((service) => service === "storefront" || spacesOf(alice)[service] === "dev"),
  );
  check("and show the same products", JSON.stringify(dev.products) === JSON.stringify(alice.products));
}

function aliceCopy(): string {
  const copy = join(FOLDER, "alice");
  rmSync(copy, { recursive: true, force: true });
  cpSync(join(ROOT, "samples/shop"), copy, { recursive: true });
  const page = join(copy, "storefront/page.js");
  writeFileSync(page, readFileSync(page, "utf8").replace(GREETING, ALICE_GREETING));
  return join(copy, "storefront");
}

function closing(target: Target, cwd: string): void {
  const width = Math.max(...rows.map((row) => row.step.length));
  console.log("");
  for (const row of rows) console.log(`${row.step.padEnd(width)}  ${(row.ms / 1000).toFixed(1).padStart(6)} s`);
  const own = target.kubeconfig !== undefined;
  console.log("\nEverything is still up. To look around:");
  if (own) console.log("  source .demo/env");
  console.log(`  azds list-up                 # the effective services of dev/alice`);
  console.log(`  (cd ${relative(ROOT, cwd)} && azds up)   # attach again and open the printed URL`);
  console.log(`To remove it:\n  ${own ? "make cluster-down" : "azds cluster disable"}\n`);
  console.log("demo: ok");
}

const wanted = process.argv[2] === "--context" ? process.argv[3] : undefined;
const target: Target =
  wanted === undefined
    ? { context: "azds-test", kubeconfig: join(ROOT, ".cluster/kubeconfig") }
    : { context: wanted, kubeconfig: undefined };
mkdirSync(join(FOLDER, "home"), { recursive: true });
if (target.kubeconfig !== undefined) {
  await step("a real Kubernetes", async () => run([process.execPath, "tests/cluster/main.ts", "up"], {}));
  await step("the image on its node", async () =>
    run([process.execPath, "tests/cluster/main.ts", "load-image", "dist/azds-image.tar"], {}),
  );
  writeFileSync(
    join(FOLDER, "env"),
    [
      `export KUBECONFIG=${target.kubeconfig}`,
      `export AZDS_HOME=${join(FOLDER, "home")}`,
      `export PATH=${join(ROOT, "dist")}:${join(ROOT, ".cluster/bin")}:$PATH`,
      "",
    ].join("\n"),
  );
}
await step("azds cluster enable", async () =>
  run(azds(target, "cluster", "enable", "--space", "dev", "--yes"), { target }),
);
await step("azds space select dev", async () => run(azds(target, "space", "select", "-n", "dev", "-y"), { target }));
await step("baseline: azds up -d, four services at once", async () => {
  await Promise.all(
    SERVICES.map(async (service) =>
      run(azds(target, "up", "-d", "--yes"), { cwd: join(ROOT, "samples/shop", service), target, prefix: service }),
    ),
  );
});
await step("azds space select dev/alice", async () =>
  run(azds(target, "space", "select", "-n", "dev/alice", "-y"), { target }),
);
const cwd = aliceCopy();
const attached = await step("alice changes the storefront: azds up", async () => attach(target, cwd));
try {
  await step("both URLs", async () =>
    compare(
      await ask("dev.storefront.azds.localhost", attached.port),
      await ask("alice.s.dev.storefront.azds.localhost", attached.port),
    ),
  );
} finally {
  await attached.detach();
}
closing(target, cwd);
