/**
 * `make prove-NAME`: a proof that is too long for `make test`, on the test cluster or without any. What it showed, and of which commit,
 * when and where, goes to bench/results/prove-NAME.json.
 */
import { mkdirSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";

/** Test files that do more when `AZDS_PROVE` names the proof, or a program that prints lines `ok WHAT` and `FAIL WHAT`. */
type Proof = {
  readonly nodes: 0 | 1 | 2;
  /** Of the nodes; with another than containerd they are a cluster of their own. */
  readonly runtime?: "docker";
} & ({ readonly files: readonly string[] } | { readonly argv: readonly string[] });

const BUN = process.execPath;
const PROOFS: Readonly<Record<string, Proof>> = {
  // AZDS_CHAOS_ROUNDS, AZDS_CHAOS_SEED and AZDS_CHAOS_FIRST choose other rounds than the 200 of seed 1.
  chaos: { nodes: 2, files: ["tests/e2e/chaos.test.ts"] },
  docker: {
    nodes: 2,
    runtime: "docker",
    files: ["docker", "builder", "inner-loop"].map((file) => `tests/e2e/${file}.test.ts`),
  },
  // AZDS_FUZZ_MESSAGES and AZDS_FUZZ_SEED choose other messages than the 10 million of seed 1.
  fuzz: { nodes: 0, argv: [BUN, "tests/fuzz/main.ts"] },
  gateway: { nodes: 1, files: ["tests/e2e/own-gateway.test.ts"] },
  grpc: { nodes: 0, argv: [BUN, "tests/proofs/grpc.ts"] },
  h2spec: { nodes: 0, argv: [BUN, "tests/proofs/h2spec.ts"] },
  // AZDS_SOAK_MINUTES and AZDS_SOAK_RATE (requests a second) choose another soak than 30 minutes of 1,000.
  soak: { nodes: 1, files: ["tests/e2e/traffic.test.ts"] },
  images: { nodes: 1, files: ["tests/e2e/images.test.ts"] },
  // AZDS_MODEL_RUNS and AZDS_MODEL_SEED choose other sequences than 10,000.
  model: { nodes: 0, files: ["tests/unit/core/sync/model.test.ts"] },
  registry: { nodes: 2, files: ["tests/e2e/registry.test.ts"] },
  smuggling: { nodes: 0, argv: [BUN, "tests/smuggling/main.ts"] },
  tcp: { nodes: 0, argv: [BUN, "tests/tcp/main.ts"] },
  websocket: { nodes: 0, argv: [BUN, "tests/websocket/main.ts"] },
};

interface Line {
  readonly what: string;
  readonly passed: boolean;
  /** Of a test. */
  readonly seconds?: number;
}

/** A test that takes longer has a limit of its own. */
const TEST_MS_MAX = 300_000;
const CLUSTER = [BUN, "tests/cluster/main.ts"] as const;

const [name = ""] = process.argv.slice(2);
const proof = PROOFS[name];
if (proof === undefined) throw new Error(`There is no proof \`${name}\`; known: ${Object.keys(PROOFS).join(", ")}`);
const state =
  process.env["AZDS_TEST_STATE"] ??
  join(import.meta.dir, "..", proof.runtime === "docker" ? ".cluster-docker" : ".cluster");
const commit = output(["git", "describe", "--always", "--dirty"]);
const started = new Date();
const { code, lines } = proof.nodes === 0 ? await prove(name, proof) : await proveOnCluster(name, proof);
const failed = lines.filter((line) => !line.passed).length;
const machine = { cpu: cpus()[0]?.model ?? "", cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30) };
const counts = { passed: lines.length - failed, failed };
const seconds = Math.round((Date.now() - started.getTime()) / 1000);
const result = { proof: name, commit, started: started.toISOString(), seconds, machine, ...counts, lines };
await Bun.write(`bench/results/prove-${name}.json`, `${JSON.stringify(result, undefined, 2)}\n`);
console.log(`${counts.passed} passed, ${counts.failed} failed`);
// A runner that crashed, or found nothing to prove, has proved nothing.
process.exitCode = code === 0 && failed === 0 && lines.length > 0 ? 0 : 1;

async function proveOnCluster(which: string, what: Proof): ReturnType<typeof prove> {
  const wasUp = (await run([...CLUSTER, "status", "--state", state], "ignore")) === 0;
  await required([BUN, "scripts/build.ts"]);
  const runtime = what.runtime ?? "containerd";
  await required([...CLUSTER, "up", "--nodes", String(what.nodes), "--runtime", runtime, "--state", state]);
  const proved = await prove(which, what);
  // A cluster that somebody works on stays.
  if (!wasUp) await run([...CLUSTER, "down", "--state", state], "inherit");
  return proved;
}

async function prove(which: string, what: Proof): Promise<{ readonly code: number; readonly lines: readonly Line[] }> {
  const env = { ...process.env, AZDS_PROVE: which, AZDS_TEST_STATE: state };
  if ("argv" in what) {
    const program = Bun.spawn([...what.argv], { env, stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    const text = await new Response(program.stdout).text();
    process.stdout.write(text);
    const found = [...text.matchAll(/^(ok|FAIL) +(.*)$/gm)];
    const programLines = found.map(([, verdict, rest = ""]) => ({ what: rest, passed: verdict === "ok" }));
    return { code: await program.exited, lines: programLines };
  }
  const report = `dist/prove-${process.pid}.xml`;
  // A proof without a cluster builds nothing.
  mkdirSync("dist", { recursive: true });
  const reporting = ["--timeout", String(TEST_MS_MAX), "--reporter=junit", `--reporter-outfile=${report}`];
  const tests = Bun.spawn([BUN, "test", ...what.files.map((file) => `./${file}`), ...reporting], {
    env,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const exitCode = await tests.exited;
  const file = Bun.file(report);
  const xml = (await file.exists()) ? await file.text() : "";
  if (xml !== "") await file.delete();
  return { code: exitCode, lines: testLines(xml) };
}

function testLines(xml: string): readonly Line[] {
  return [...xml.matchAll(/<testcase ([^>]*?)(\/>|>([^]*?)<\/testcase>)/g)].flatMap(([, about = "", , inside = ""]) => {
    if (inside.includes("<skipped")) return [];
    const attribute = (key: string): string => new RegExp(`(?:^| )${key}="([^"]*)"`).exec(about)?.[1] ?? "";
    const text = attribute("name").replaceAll("&quot;", '"').replaceAll("&apos;", "'").replaceAll("&amp;", "&");
    return [
      {
        what: text,
        passed: !/<(failure|error)/.test(inside),
        seconds: Math.round(Number(attribute("time")) * 10) / 10,
      },
    ];
  });
}

async function required(argv: readonly string[]): Promise<void> {
  if ((await run(argv, "inherit")) !== 0) throw new Error(`\`${argv.join(" ")}\` failed`);
}

async function run(argv: readonly string[], to: "ignore" | "inherit"): Promise<number> {
  return Bun.spawn([...argv], { stdin: "ignore", stdout: to, stderr: to }).exited;
}

function output(argv: readonly string[]): string {
  return Bun.spawnSync([...argv])
    .stdout.toString()
    .trim();
}
