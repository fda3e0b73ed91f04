/** What is not for us to understand passes through two sidecars as if they were not there; HTTP keeps all its features. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { enabledCluster } from "./support/cluster.ts";
import {
  deployPeers,
  makePeerCertificate,
  type PeerCertificate,
  runCase,
  sidecarConnections,
  type Target,
} from "./support/peers.ts";
import { labelSpaces, removeSpaces } from "./support/spaces.ts";

const SPACES = { "e2e-pass": "root", "e2e-pass-child": "e2e-pass" };

interface Path {
  /** Namespace of the client. */
  readonly from: string;
  readonly target: Omit<Target, "port">;
}

const WITHIN: Path = { from: "e2e-pass", target: { host: "peers" } };
const UPWARDS: Path = { from: "e2e-pass-child", target: { host: "peers.e2e-pass" } };
const DOWNWARDS: Path = { from: "e2e-pass", target: { host: "peers.e2e-pass-child" } };
const ROUTED: Path = { from: "e2e-pass", target: { host: "peers", routeAs: "e2e-pass-child" } };

let certificate: PeerCertificate;

beforeAll(async () => {
  await enabledCluster();
  certificate = await makePeerCertificate();
  await labelSpaces(SPACES);
  await deployPeers(Object.keys(SPACES), certificate);
}, 180_000);

afterAll(async () => removeSpaces(SPACES), 60_000);

test("a connection goes through the sidecars of both pods", async () => {
  const count = async (): Promise<readonly number[]> =>
    Promise.all([sidecarConnections("e2e-pass", "client"), sidecarConnections("e2e-pass", "server")]);
  const before = await count();
  await runCase("e2e-pass", "redis", { host: "peers", port: 6379 });
  expect((await count()).map((after, i) => after - (before[i] ?? 0))).toEqual([1, 1]);
});

describe.each([
  ["within a space", WITHIN],
  ["from child to parent", UPWARDS],
  ["from parent to child", DOWNWARDS],
] as const)("TCP %s", (_title, path) => {
  const run = async (name: string, port: number): Promise<unknown> =>
    runCase(path.from, name, { ...path.target, port });

  test("TLS: the client sees the server's own certificate", async () => {
    const { fingerprint256 } = new X509Certificate(certificate.cert);
    expect(await run("tls", 8443)).toEqual({ fingerprint256, answer: "secret question" });
  });

  test.each([3306, 13_306])("a server that speaks first, as MySQL does, on port %d", async (port) => {
    expect(await run("mysql", port)).toEqual({ greeting: "8.0.36", answer: "logged in: root" });
  });

  test.each([6379, 16_379])("question and answer on one connection, as Redis has it, on port %d", async (port) => {
    expect(await run("redis", port)).toBe(`${"+PONG\r\n".repeat(4)}-ERR GET x\r\n`);
  });

  test("100 MB both ways at once arrive unchanged", async () => {
    expect(await run("duplex", 4000)).toEqual({ down: true, up: true });
  }, 60_000);

  test("a client that has sent its FIN still reads the whole answer", async () => {
    expect(await run("halfClose", 4001)).toEqual({ intact: true, rest: "8 bytes before the end" });
  });

  test("a FIN before any byte reaches the server", async () => {
    expect(await run("onlyEnd", 4001)).toEqual({ intact: true, rest: "0 bytes before the end" });
  });

  test("a port that nobody serves ends the connection at once", async () => {
    expect(await run("refused", 4999)).toMatch(/^ECONN(REFUSED|RESET)$/);
  });
});

describe.each([
  ["within a space", { ...WITHIN, port: 80, space: "e2e-pass" }],
  ["within a space on a port without a declared protocol", { ...WITHIN, port: 8000, space: "e2e-pass" }],
  ["from child to parent", { ...UPWARDS, port: 80, space: "e2e-pass" }],
  ["routed to the child", { ...ROUTED, port: 80, space: "e2e-pass-child" }],
  ["routed to the child on a port without a declared protocol", { ...ROUTED, port: 8000, space: "e2e-pass-child" }],
] as const)("HTTP %s", (_title, { from, target, port, space }) => {
  const run = async (name: string): Promise<unknown> => runCase(from, name, { ...target, port });

  test("WebSocket", async () => {
    const accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    expect(await run("websocket")).toEqual({ space, accept, frames: ["hello", "you said hi"] });
  });

  test("the first server-sent event arrives before the second is sent", async () => {
    expect(await run("events")).toEqual({ space, events: ["data: first\n\n", "data: second\n\n"] });
  });

  test("50 requests share one connection at both ends", async () => {
    expect(await run("keepAlive")).toEqual({ near: 1, far: 1, spaces: [space] });
  });

  test("an answer to HEAD promises a body and has none", async () => {
    expect(await run("head")).toEqual({ space, promised: "100000", bytes: [0, 100_000] });
  });

  test("chunked bodies and trailers both ways", async () => {
    const trailers = { "x-sum": "ab c" };
    expect(await run("trailers")).toEqual({ space, coding: "chunked", body: "one two three", trailers });
  });

  test("a client that half-closes with its request reads the whole answer", async () => {
    expect(await run("halfClosed")).toEqual({ status: "HTTP/1.1 200 OK", bytes: 100_000 });
  });
});

describe("an application that copies every header onward", () => {
  const sent = ["Host", "front", "X-Odd", "a", "x-odd", "b", "X-Empty", ""];

  test("without a space, the next service sees what was sent and nothing else", async () => {
    const result = await runCase("e2e-pass", "copied", { host: "front", port: 80 });
    expect(result).toEqual({ by: "e2e-pass", seen: { space: "e2e-pass", headers: [...sent, "Connection", "close"] } });
  });

  test("with a space, so that both services of the child answer", async () => {
    const result = await runCase("e2e-pass", "copied", { host: "front", port: 80, routeAs: "e2e-pass-child" });
    const headers = [...sent, "AZDS-Route-As", "e2e-pass-child", "Connection", "close"];
    expect(result).toEqual({ by: "e2e-pass-child", seen: { space: "e2e-pass-child", headers } });
  });
});
