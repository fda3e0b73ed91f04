/**
 * `make prove-smuggling`: the proxy in front of servers nobody here wrote. For each text of the corpus, whole and in
 * pieces: what the server saw must be what the proxy decided about, in the same order, with bodies of the same length, and
 * each answer must come for the request it answers. A server may see less, when it refuses what it got.
 */
import { join } from "node:path";
import { listen, type Listening } from "../../proxy/tcp/listen.ts";
import { serveHttp } from "../../proxy/http/exchange.ts";
import { readBody, readRequest, readResponse, responseBodyFraming } from "../fuzz/reference.ts";
import { goProgram, pythonWithPeers } from "../peers/peers.ts";
import { type PeerProgram, startProgram } from "../peers/program.ts";
import { talk } from "./client.ts";
import { CORPUS } from "./corpus.ts";

/** Connections at once. */
const LANES = 8;
/** How long servers may take to tell what they saw last. */
const SETTLE_MS = 1_000;
const SERVERS = join(import.meta.dir, "../projects/smuggling");

interface Seen {
  readonly name: string;
  /** Absent where the request did not end. */
  readonly length?: number;
}

interface Attempt {
  readonly name: string;
  readonly path: string;
  readonly text: string;
  readonly inPieces: boolean;
}

interface Outcome extends Attempt {
  /** What the proxy forwarded. */
  readonly decided: readonly string[];
  readonly received: string;
}

const python = await pythonWithPeers();
const commands: Readonly<Record<string, readonly string[]>> = {
  node: ["node", join(SERVERS, "node.mjs")],
  go: [await goProgram(join(SERVERS, "server.go"))],
  aiohttp: [python, join(SERVERS, "aiohttp_server.py")],
  h11: [python, join(SERVERS, "uvicorn_server.py"), "h11"],
  httptools: [python, join(SERVERS, "uvicorn_server.py"), "httptools"],
};
for (const [name, argv] of Object.entries(commands)) await proveServer(name, argv);

async function proveServer(name: string, argv: readonly string[]): Promise<void> {
  const server = await startProgram(argv);
  const decided = new Map<string, string[]>();
  const proxy = proxyTo(server, decided);
  const waiting = attempts();
  const outcomes: Outcome[] = [];
  const lane = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const received = await talk(proxy.port, next.text, next.inPieces);
      outcomes.push({ ...next, decided: decided.get(next.path) ?? [], received });
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  await Bun.sleep(SETTLE_MS);
  for (const outcome of outcomes.toSorted((a, b) => a.path.localeCompare(b.path))) {
    const seen = seenBy(server, outcome.path);
    const trouble = disagreement(outcome, seen);
    const how = outcome.inPieces ? "in pieces" : "whole";
    const told = `${seen.length} requests seen, answers ${answersOf(outcome)
      .map(({ status }) => status)
      .join(" ")}`;
    console.log(`${trouble === undefined ? "ok  " : "FAIL"} ${name}: ${outcome.name}, ${how}: ${trouble ?? told}`);
  }
  proxy.stop();
  await server.stop();
}

function attempts(): Attempt[] {
  return CORPUS.flatMap(({ name, text }, index) =>
    [false, true].map((inPieces) => {
      const path = `/${String(index).padStart(3, "0")}${inPieces ? "b" : "a"}`;
      const marker = `GET ${path}/marker HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
      return { name, path, inPieces, text: text.replaceAll("/PATH", path) + marker };
    }),
  );
}

function proxyTo(server: PeerProgram, decided: Map<string, string[]>): Listening {
  return listen({
    hostname: "127.0.0.1",
    port: 0,
    accept: (client) =>
      serveHttp({
        client,
        policy: {
          decide: (head) => {
            const path = /\/\d{3}[ab](?=\/)/.exec(head.target)?.[0] ?? "";
            decided.set(path, [...(decided.get(path) ?? []), `${head.method} ${head.target}`]);
            return { kind: "forward", targets: [{ address: "127.0.0.1", port: server.port }] };
          },
          unreachable: () => undefined,
        },
      }),
  });
}

/** Requests of one attempt, in the order in which they began. */
function seenBy(server: PeerProgram, path: string): readonly Seen[] {
  const own = server.lines.filter((line) => line.includes(`${path}/`));
  const ends = own.filter((line) => line.startsWith("end ")).map((line) => /^end (.*) (\d+)$/.exec(line) ?? []);
  return own
    .filter((line) => line.startsWith("begin "))
    .map((line) => line.slice("begin ".length))
    .map((name) => {
      const length = ends.find(([, ended]) => ended === name)?.[2];
      return length === undefined ? { name } : { name, length: Number(length) };
    });
}

function disagreement(outcome: Outcome, seen: readonly Seen[]): string | undefined {
  const { decided } = outcome;
  const expected = requestsIn(outcome.text);
  for (const [index, name] of decided.entries())
    if (expected[index]?.name !== name) return `the proxy took for a request what is none: \`${name}\``;
  let from = 0;
  for (const request of seen) {
    // What a server refuses by itself, its program does not see.
    const index = decided.findIndex((name, at) => at >= from && sameRequest(name, request.name));
    if (index < 0) return `the server saw \`${request.name}\`, which the proxy did not`;
    if (request.length !== undefined && request.length !== expected[index]?.length)
      return `the server saw ${request.length} bytes of body, the proxy ${expected[index]?.length ?? "no end"}`;
    from = index + 1;
  }
  const answers = answersOf(outcome);
  // One more where the proxy refuses what follows.
  if (answers.length > decided.length + 1) return `${answers.length} answers to ${decided.length} requests`;
  const strange = answers.findIndex(({ status, body }, index) => {
    const named = /^(.*) (\d+)$/.exec(body)?.[1];
    return status === 200 && named !== undefined && !sameRequest(decided[index], named);
  });
  return strange < 0 ? undefined : `answer ${strange + 1} is of another request: \`${answers[strange]?.body}\``;
}

/** Servers tell an absolute target by its path. */
function sameRequest(decided: string | undefined, seen: string): boolean {
  return decided === seen || decided?.replace("http://x", "") === seen;
}

/** As RFC 9112 reads the text. */
function requestsIn(text: string): readonly Seen[] {
  const found: Seen[] = [];
  for (let at = 0; ;) {
    const head = readRequest(text, at);
    if (typeof head === "string") return found;
    const name = `${head.method} ${head.target}`;
    const body = readBody(text, head.end, head.framing);
    if (typeof body === "string") return [...found, { name }];
    found.push({ name, length: body.content.length });
    at = body.end;
  }
}

interface FinalAnswer {
  readonly status: number;
  readonly body: string;
}

/** Interim answers are passed over. */
function answersOf(outcome: Outcome): readonly FinalAnswer[] {
  const found: FinalAnswer[] = [];
  for (let at = 0; ;) {
    const head = readResponse(outcome.received, at);
    if (typeof head === "string") return found;
    at = head.end;
    if (head.status < 200) continue;
    const method = outcome.decided[found.length]?.split(" ")[0] ?? "GET";
    const body = readBody(outcome.received, at, responseBodyFraming(head, method));
    if (typeof body === "string") return [...found, { status: head.status, body: "" }];
    found.push({ status: head.status, body: body.content });
    at = body.end;
  }
}
