/**
 * The cases of gRPC's interoperability tests through two sidecars, outbound then inbound, each client against each server:
 * the Go implementation's own test programs, grpc-js and grpcio; and whether both sidecars' traces say how its calls
 * ended. Prints a line `ok WHAT` or `FAIL WHAT` for each.
 */
import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { acceptInbound } from "../../proxy/sidecar/inbound.ts";
import { acceptOutbound } from "../../proxy/sidecar/outbound.ts";
import type { Trace } from "../../proxy/trace/trace.ts";
import { freePort, listening } from "../peers/ports.ts";
import { front, pod, redirected, service } from "../unit/proxy/raw-peers.ts";

const FOLDER = resolve("dist/proofs");
const SOURCES = resolve("tests/projects/conformance/grpc");
const CASE_MS_MAX = 60_000;
const TOLD_MS_MAX = 1_000;
const GO_VERSION = "v1.85.0";
const CASES = [
  "empty_unary",
  "large_unary",
  "client_streaming",
  "server_streaming",
  "ping_pong",
  "empty_stream",
  "custom_metadata",
  "status_code_and_message",
  "special_status_message",
  "unimplemented_method",
  "unimplemented_service",
  "cancel_after_begin",
  "cancel_after_first_response",
  "timeout_on_sleeping_server",
];

/** How the calls of a case end, all others with OK; `undefined` where a call that the client gives up may tell nothing. */
const ENDS: Readonly<Record<string, GrpcStatus | undefined>> = {
  status_code_and_message: 2,
  special_status_message: 2,
  unimplemented_method: 12,
  unimplemented_service: 12,
  cancel_after_begin: undefined,
  cancel_after_first_response: undefined,
  timeout_on_sleeping_server: undefined,
};

type GrpcStatus = number;
type Language = "go" | "js" | "python";
const LANGUAGES: readonly Language[] = ["go", "js", "python"];

async function required(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<void> {
  const child = Bun.spawn([...argv], { env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "inherit"] });
  if ((await child.exited) !== 0) throw new Error(`\`${argv.join(" ")}\` failed`);
}

async function install(): Promise<void> {
  await mkdir(`${FOLDER}/grpc`, { recursive: true });
  for (const program of ["client", "server"])
    if (!(await Bun.file(`${FOLDER}/grpc/${program}`).exists()))
      await required(["go", "install", `google.golang.org/grpc/interop/${program}@${GO_VERSION}`], {
        GOBIN: `${FOLDER}/grpc`,
      });
  const npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", `${FOLDER}/grpc-js`];
  if (!(await Bun.file(`${FOLDER}/grpc-js/package.json`).exists()))
    await required([...npm, "@grpc/grpc-js@1.14.7", "@grpc/proto-loader@0.8.1"]);
  if (await Bun.file(`${FOLDER}/python/bin/python`).exists()) return;
  await required(["python3", "-m", "venv", `${FOLDER}/python`]);
  await required([`${FOLDER}/python/bin/pip`, "install", "--quiet", "grpcio==1.85.0", "grpcio-tools==1.85.0"]);
}

function argvOf(language: Language, role: "client" | "server"): readonly string[] {
  if (language === "js") return ["node", `${SOURCES}/${role}.cjs`];
  if (language === "python") return [`${FOLDER}/python/bin/python`, `${SOURCES}/${role}.py`];
  return [`${FOLDER}/grpc/${role}`];
}

const ENV = { ...process.env, NODE_PATH: `${FOLDER}/grpc-js/node_modules`, PYTHONDONTWRITEBYTECODE: "1" };

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stream) {
    text += Buffer.from(chunk).toString();
    if (text.includes("\n")) return text.trim();
  }
  throw new Error("The server has not started");
}

interface Server {
  readonly port: number;
  readonly stop: () => void;
}

async function serve(language: Language): Promise<Server> {
  const known = language === "go" ? freePort() : undefined;
  const argv = [...argvOf(language, "server"), ...(known === undefined ? [] : ["--port", String(known)])];
  const child = Bun.spawn(argv, { cwd: SOURCES, env: ENV, stdio: ["ignore", "pipe", "inherit"] });
  if (known !== undefined) await listening(known);
  return { port: known ?? Number(await firstLine(child.stdout)), stop: () => child.kill() };
}

function declared(port: number) {
  const ports = [{ name: "grpc", port, target: port, hint: "http" as const }];
  const services = [service({ namespace: "dev", name: "web", ports, endpoints: ["127.0.0.1"] })];
  return pod({ address: "127.0.0.1", port }, { services });
}

function endOf(name: string): GrpcStatus | undefined {
  return name in ENDS ? ENDS[name] : 0;
}

async function passes(client: Language, port: number, name: string): Promise<boolean> {
  const go = ["--server_host", "127.0.0.1", "--server_port", String(port), "--test_case", name];
  const argv = [...argvOf(client, "client"), ...(client === "go" ? go : [String(port), name])];
  const child = Bun.spawn(argv, { cwd: SOURCES, env: ENV, stdio: ["ignore", "ignore", "pipe"], timeout: CASE_MS_MAX });
  const said = await new Response(child.stderr).text();
  const passed = (await child.exited) === 0;
  if (!passed) console.error(said);
  return passed;
}

/** Whether each exchange since those that were `known` ended with `status`, once all have ended. */
async function tells(trace: Trace, known: number, status: GrpcStatus | undefined): Promise<boolean> {
  const deadline = Date.now() + TOLD_MS_MAX;
  while (trace.remembered().length < trace.last && Date.now() < deadline) await Bun.sleep(10);
  const told = trace.remembered().filter(({ id }) => id > known);
  const right = status === undefined || (told.length > 0 && told.every(({ grpcStatus }) => grpcStatus === status));
  if (!right) console.error(`Statuses in the traces: ${told.map(({ grpcStatus }) => grpcStatus).join(", ")}`);
  return right;
}

await install();
for (const to of LANGUAGES) {
  const server = await serve(to);
  const near = declared(server.port);
  const inbound = front(redirected(acceptInbound(near)));
  const far = declared(inbound.port);
  const outbound = front(redirected(acceptOutbound(far)));
  for (const from of LANGUAGES)
    for (const name of CASES) {
      const traces = [far, near].map(({ trace }) => ({ trace, known: trace.last }));
      const passed = await passes(from, outbound.port, name);
      const told = await Promise.all(traces.map(async ({ trace, known }) => tells(trace, known, endOf(name))));
      const ok = passed && told.every(Boolean);
      console.log(`${ok ? "ok" : "FAIL"} ${from} client, ${to} server: ${name}`);
    }
  outbound.stop();
  inbound.stop();
  server.stop();
}
// oxlint-disable-next-line unicorn/no-process-exit -- the end of a program, whose relayed connections may be open still
process.exit(0);
