/**
 * h2spec (github.com/summerwind/h2spec, a conformance suite for servers) against the sidecar's outbound and inbound side,
 * in front of Node's HTTP/2 server. Prints a line `ok WHAT` or `FAIL WHAT` for each of its cases.
 */
import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { acceptInbound } from "../../proxy/sidecar/inbound.ts";
import { acceptOutbound } from "../../proxy/sidecar/outbound.ts";
import { front, pod, redirected, service } from "../unit/proxy/raw-peers.ts";

const MODULE = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible";
/** The first case starts a new connection each time; a case that hangs counts as failed after this long. */
const CASE_S_MAX = 5;
const FOLDER = resolve("dist/proofs");

async function installed(): Promise<string> {
  const program = `${FOLDER}/h2spec`;
  if (await Bun.file(program).exists()) return program;
  await mkdir(FOLDER, { recursive: true });
  const go = Bun.spawn(["go", "install", MODULE], {
    env: { ...process.env, GOBIN: FOLDER, GOFLAGS: "-mod=mod" },
    stdio: ["ignore", "inherit", "inherit"],
  });
  if ((await go.exited) !== 0) throw new Error("`go install` of h2spec failed");
  return program;
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stream) {
    text += Buffer.from(chunk).toString();
    if (text.includes("\n")) return text.trim();
  }
  throw new Error("The server has not started");
}

function xmlText(text: string): string {
  return text
    .replaceAll("&#39;", "'")
    .replaceAll("&#34;", '"')
    .replaceAll("&quot;", '"')
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

async function run(program: string, direction: "outbound" | "inbound", upstream: number): Promise<void> {
  const original = { address: "127.0.0.1", port: upstream };
  const declared = service({
    namespace: "dev",
    name: "web",
    ports: [{ name: "http2", port: upstream, target: upstream, hint: "http" }],
    endpoints: ["127.0.0.1"],
  });
  const of = pod(original, { services: [declared] });
  const listening = front(redirected(direction === "outbound" ? acceptOutbound(of) : acceptInbound(of)));
  const report = `${FOLDER}/h2spec-${direction}.xml`;
  const argv = ["--strict", "-h", "127.0.0.1", "-p", String(listening.port), "-o", String(CASE_S_MAX), "-j", report];
  const suite = Bun.spawn([program, ...argv], { stdio: ["ignore", "ignore", "inherit"] });
  await suite.exited;
  listening.stop();
  const xml = await Bun.file(report).text();
  for (const [, attributes = "", , inside = ""] of xml.matchAll(/<testcase ([^>]*?)(\/>|>([^]*?)<\/testcase>)/g)) {
    const attribute = (key: string): string => xmlText(new RegExp(`${key}="([^"]*)"`).exec(attributes)?.[1] ?? "");
    const failed = /<(failure|error|skipped)/.test(inside);
    console.log(`${failed ? "FAIL" : "ok"} ${direction} ${attribute("package")} ${attribute("classname")}`);
    if (failed) console.error(xmlText(inside));
  }
}

const program = await installed();
const server = Bun.spawn(["node", `${import.meta.dir}/../projects/conformance/http2-server.js`], {
  stdio: ["ignore", "pipe", "inherit"],
});
const upstream = Number(await firstLine(server.stdout));
for (const direction of ["outbound", "inbound"] as const) await run(program, direction, upstream);
server.kill();
// Connections that the suite has left half-way would keep this process.
// oxlint-disable-next-line unicorn/no-process-exit -- the end of a program
process.exit(0);
