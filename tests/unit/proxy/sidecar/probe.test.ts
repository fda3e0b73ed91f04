import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { AGENT_STREAM, type ProbeAnswer } from "../../../../core/agent-protocol.ts";
import type { HttpProbe, ProbeSpec } from "../../../../core/sidecar-config.ts";
import { sendMessage } from "../../../../core/wire/messages.ts";
import { createMux } from "../../../../core/wire/mux.ts";
import { streamOfSocket } from "../../../../core/wire/socket-stream.ts";
import { askAgent } from "../../../../proxy/sidecar/ask-agent.ts";
import { makeProbe, type Verdict } from "../../../../proxy/sidecar/probe.ts";
import { closedPort, namedServer, rawServer } from "../raw-peers.ts";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
});

type Answers = Readonly<Record<string, () => Response | Promise<Response>>>;

/** An application, and how many requests it got. */
function application(
  answers: Answers,
  tls?: Bun.TLSOptions,
): { readonly port: number; readonly requests: () => number } {
  let requests = 0;
  const server = Bun.serve({
    port: 0,
    ...(tls === undefined ? {} : { tls }),
    fetch: (request) => {
      requests += 1;
      return answers[new URL(request.url).pathname]?.() ?? new Response("none", { status: 404 });
    },
  });
  cleanup.push(() => server.stop(true));
  return { port: server.port ?? 0, requests: () => requests };
}

const ROOT: HttpProbe = { scheme: "HTTP", path: "/", headers: [] };

async function probe(spec: Partial<ProbeSpec> & { readonly port: number }, ask = asking(undefined)): Promise<Verdict> {
  return makeProbe(
    { timeoutMs: 2_000, agent: false, http: ROOT, ...spec },
    { address: "127.0.0.1", askAgent: ask.askAgent },
  );
}

/** An agent with one answer, and how often it was asked. */
function asking(answer: ProbeAnswer | undefined): {
  readonly asked: () => number;
  readonly askAgent: () => Promise<ProbeAnswer | undefined>;
} {
  let asked = 0;
  return {
    asked: () => asked,
    askAgent: async () => {
      asked += 1;
      return answer;
    },
  };
}

describe("makeProbe() over HTTP", () => {
  test.each([
    [200, 200],
    [204, 200],
    [304, 200],
    [399, 200],
    [400, 400],
    [404, 404],
    [503, 503],
  ])("takes status %d for %d", async (status, expected) => {
    const { port } = application({ "/": () => new Response(null, { status }) });
    expect((await probe({ port })).status).toBe(expected);
  });

  test("sends path, query and headers, and the kubelet's name where the pod gives none", async () => {
    const server = await namedServer("ok");
    cleanup.push(server.close);
    const headers = [
      { name: "Host", value: "web.local" },
      { name: "X-Token", value: "a b" },
    ];
    expect((await probe({ port: server.port, http: { scheme: "HTTP", path: "/live?deep=1", headers } })).status).toBe(
      200,
    );
    const lines = server.received().toLowerCase().split("\r\n");
    expect(lines[0]).toBe("get /live?deep=1 http/1.1");
    expect(lines).toContain("x-token: a b");
    expect(lines).toContain("user-agent: kube-probe/azds");
    expect(lines).toContain("connection: close");
    expect(lines.filter((line) => line.startsWith("host:"))).toEqual(["host: web.local"]);
  });

  test("asks for no certificate that it could check", async () => {
    const folder = await mkdtemp(join(tmpdir(), "azds-probe-"));
    cleanup.push(() => rm(folder, { recursive: true }));
    const made = ["-nodes", "-subj", "/CN=other", "-days", "1", "-keyout", `${folder}/key`, "-out", `${folder}/cert`];
    await Bun.$`openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 ${made}`.quiet();
    const tls = { key: Bun.file(`${folder}/key`), cert: Bun.file(`${folder}/cert`) };
    const { port } = application({ "/": () => new Response("ok") }, tls);
    expect((await probe({ port, http: { ...ROOT, scheme: "HTTPS" } })).status).toBe(200);
    expect((await probe({ port })).status).not.toBe(200);
  });

  test("follows redirects on the host, takes one to another host for success, and gives up on a loop", async () => {
    const to = (location: string) => (): Response => new Response(null, { status: 302, headers: { location } });
    const answers = { "/a": to("/b"), "/b": () => new Response("no", { status: 500 }), "/loop": to("/loop") };
    const { port, requests } = application({ ...answers, "/away": to("http://example.invalid/") });
    const path = async (name: string): Promise<number> => {
      return (await probe({ port, http: { ...ROOT, path: name } })).status;
    };
    expect([await path("/a"), await path("/away"), requests()]).toEqual([500, 200, 3]);
    expect([await path("/loop"), requests()]).toEqual([503, 13]);
  });

  test("fails within its time when the application hangs, before the answer or in it", async () => {
    const hanging = new Promise<Response>(() => {});
    const endless = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(10)) });
    const { port } = application({ "/": () => hanging, "/body": () => new Response(endless) });
    expect((await probe({ port, timeoutMs: 50 })).status).toBe(503);
    expect((await probe({ port, timeoutMs: 50, http: { ...ROOT, path: "/body" } })).status).toBe(503);
  });

  test("reads no more of a body than the kubelet does", async () => {
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)) });
    const { port } = application({ "/": () => new Response(endless) });
    expect((await probe({ port })).status).toBe(200);
  });

  test.each([
    ["no HTTP", "SSH-2.0-x\r\n\r\n"],
    ["a head without end", `HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(200_000)}`],
    ["a body that breaks off", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"],
  ])("fails at %s", async (_, bytes) => {
    const server = await rawServer((socket) => socket.end(bytes));
    cleanup.push(server.close);
    expect((await probe({ port: server.port })).status).toBe(503);
  });

  test("fails where nothing listens", async () => {
    expect((await probe({ port: (await closedPort()).port })).status).toBe(503);
  });
});

describe("makeProbe() over gRPC", () => {
  /** A health service that answers each named service with its status; 1 is SERVING. */
  async function health(statuses: Readonly<Record<string, number>>): Promise<number> {
    const server = createHttp2Server();
    server.on("stream", (stream: ServerHttp2Stream, headers) => {
      const parts: Buffer[] = [];
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("end", () => {
        const name = Buffer.concat(parts).subarray(5).subarray(2).toString();
        const status = headers[":path"] === "/grpc.health.v1.Health/Check" ? statuses[name] : undefined;
        stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": status === undefined ? "5" : "0" }));
        stream.end(status === undefined ? undefined : Buffer.from([0, 0, 0, 0, 2, 8, status]));
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanup.push(() => server.close());
    const address = server.address();
    return typeof address === "object" ? (address?.port ?? 0) : 0;
  }
  const grpcProbe = async (port: number, service: string): Promise<number> => {
    const spec = { port, grpc: service, timeoutMs: 1_000, agent: false };
    return (await makeProbe(spec, { address: "127.0.0.1", askAgent: async () => undefined })).status;
  };

  test("takes a service that serves for success, and no other", async () => {
    const port = await health({ "": 1, live: 1, down: 2 });
    const names = ["", "live", "down", "unknown"];
    expect(await Promise.all(names.map((name) => grpcProbe(port, name)))).toEqual([200, 200, 503, 503]);
  });

  test("fails where something else listens, where nothing does, and within its time", async () => {
    const other = await namedServer("x");
    const silent = await rawServer(() => {});
    cleanup.push(other.close, silent.close);
    expect(await grpcProbe(other.port, "")).toBe(503);
    expect(await grpcProbe(silent.port, "")).toBe(503);
    expect(await grpcProbe((await closedPort()).port, "")).toBe(503);
  });
});

describe("makeProbe() with an agent", () => {
  const yes = { answer: true, why: "the application is being updated" };

  test("never asks it while the application answers, nor where the probe is not for it", async () => {
    const { port } = application({ "/": () => new Response("ok") });
    const agent = asking(yes);
    expect((await probe({ port, agent: true }, agent)).text).toBe("ok\n");
    expect((await probe({ port: (await closedPort()).port, agent: false }, agent)).status).toBe(503);
    expect(agent.asked()).toBe(0);
  });

  test("answers as the agent says, with its words, when the application fails", async () => {
    const { port } = application({ "/": () => new Response("no", { status: 500 }) });
    const answered = { status: 200, text: "azds answers: the application is being updated\n" };
    expect(await probe({ port, agent: true }, asking(yes))).toEqual(answered);
    const closed = { port: (await closedPort()).port, timeoutMs: 1_000, agent: true };
    expect(await makeProbe(closed, { address: "127.0.0.1", askAgent: asking(yes).askAgent })).toEqual(answered);
  });

  test("fails as the application does when the agent says no or nothing", async () => {
    const { port } = application({ "/": () => new Response("no", { status: 500 }) });
    const failed = { status: 500, text: "The application answered 500\n" };
    expect(await probe({ port, agent: true }, asking({ answer: false, why: "it runs" }))).toEqual(failed);
    expect(await probe({ port, agent: true }, asking(undefined))).toEqual(failed);
  });

  test("asks for an application that hangs while there is still time, and lets it answer after all", async () => {
    const server = await rawServer(() => {});
    cleanup.push(server.close);
    expect((await probe({ port: server.port, timeoutMs: 350, agent: true }, asking(yes))).status).toBe(200);
    const { promise, resolve } = Promise.withResolvers<Response>();
    const { port } = application({ "/": () => promise });
    const late = async (): Promise<undefined> => {
      resolve(new Response("ok"));
      return undefined;
    };
    const spec = { port, timeoutMs: 350, agent: true, http: ROOT };
    expect((await makeProbe(spec, { address: "127.0.0.1", askAgent: late })).text).toBe("ok\n");
  });
});

describe("askAgent()", () => {
  /** Far more than loopback needs on a busy machine. */
  const PATIENT_MS = 10_000;
  let server: Server;
  let answer: unknown;
  beforeEach(async () => {
    answer = undefined;
    server = createServer({ allowHalfOpen: true }, (socket) => {
      createMux(streamOfSocket(socket), {
        role: "server",
        accept: (name, stream) => {
          if (name !== AGENT_STREAM.probe) return stream.abort(new Error(`no stream ${name}`));
          if (answer !== undefined) void sendMessage(stream, answer).then(() => stream.end());
        },
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanup.push(() => server.close());
  });
  const port = (): number => {
    const address = server.address();
    return typeof address === "object" ? (address?.port ?? 0) : 0;
  };

  test("brings the agent's answer", async () => {
    answer = { answer: true, why: "updating" };
    expect(await askAgent(port(), PATIENT_MS)).toEqual({ answer: true, why: "updating" });
    answer = "what?";
    expect(await askAgent(port(), PATIENT_MS)).toEqual({ answer: false, why: "" });
  });

  test("has none from an agent that is silent, that does not know the question, or that is not there", async () => {
    expect(await askAgent(port(), 50)).toBeUndefined();
    const old = await rawServer((socket) => {
      createMux(streamOfSocket(socket), { role: "server" });
    });
    cleanup.push(old.close);
    expect(await askAgent(old.port, PATIENT_MS)).toBeUndefined();
    expect(await askAgent((await closedPort()).port, PATIENT_MS)).toBeUndefined();
  });
});
