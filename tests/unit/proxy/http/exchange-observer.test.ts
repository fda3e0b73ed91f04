/** What an observer is told of one exchange, against real servers on loopback. */
import { afterEach, describe, expect, test } from "bun:test";
import { serveHttp } from "../../../../proxy/http/exchange.ts";
import type { ExchangeObserver } from "../../../../proxy/http/exchange-observer.ts";
import type { Target } from "../../../../proxy/http/upstreams.ts";
import { closedPort, front, rawClient, rawServer, type RawServer } from "../raw-peers.ts";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
});

const GET = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class Told implements ExchangeObserver {
  readonly steps: string[] = [];
  readonly end = Promise.withResolvers<void>();
  readonly texts = { request: "", response: "" };
  readonly capture = {
    request: (bytes: Buffer) => void (this.texts.request += bytes.toString("latin1")),
    response: (bytes: Buffer) => void (this.texts.response += bytes.toString("latin1")),
    requestTrailers: () => {},
    responseTrailers: () => {},
  };

  readonly connected = ({ port }: Target): void => {
    this.steps.push(`connected ${port}`);
    this.texts.request = "";
  };
  readonly responded = (status: number): void => void this.steps.push(`responded ${status}`);
  readonly rpcEnded = (grpcStatus: number): void => void this.steps.push(`rpc ${grpcStatus}`);
  readonly ended: ExchangeObserver["ended"] = ({ request, response }, complete) => {
    this.steps.push(`ended ${request} ${response} ${complete}`);
    this.end.resolve();
  };
}

function observed(...targets: readonly Target[]): { readonly port: number; readonly told: Told[] } {
  const told: Told[] = [];
  const listening = front((client) =>
    serveHttp({
      client,
      policy: {
        decide: () => {
          const observer = new Told();
          told.push(observer);
          return { kind: "forward", targets, observer };
        },
        unreachable: () => undefined,
      },
    }),
  );
  cleanup.push(listening.stop);
  return { port: listening.port, told };
}

async function replying(response: string): Promise<RawServer> {
  const server = await rawServer((socket) => socket.on("data", () => socket.write(response)));
  cleanup.push(server.close);
  return server;
}

describe("serveHttp() tells the observer", () => {
  test("of each request of a connection by itself: target, status, sizes", async () => {
    const server = await replying(OK);
    const { port, told } = observed(server);
    const client = await rawClient(port, GET);
    await client.until("ok");
    client.socket.write("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    await client.until(`ok${OK}`);
    client.socket.destroy();
    const size = OK.length;
    expect(told.map(({ steps }) => steps)).toEqual([
      [`connected ${server.port}`, "responded 200", `ended ${GET.length} ${size} true`],
      [`connected ${server.port}`, "responded 200", `ended 51 ${size} true`],
    ]);
    expect(told[1]?.texts.request).toEndWith("\r\n\r\nabc");
    expect(told[1]?.texts.response).toBe(OK);
  });

  test.each([
    ["Grpc-Status: 14", ["responded 200", "rpc 14"]],
    ["grpc-status: fourteen", ["responded 200"]],
  ])("of the status of gRPC-Web in a head: %s", async (line, steps) => {
    const server = await replying(`HTTP/1.1 200 OK\r\n${line}\r\nContent-Length: 0\r\n\r\n`);
    const { port, told } = observed(server);
    const client = await rawClient(port, GET);
    await client.until("\r\n\r\n");
    client.socket.destroy();
    expect(told[0]?.steps.slice(1, -1)).toEqual(steps);
  });

  test("of the target that was reached when another refused", async () => {
    const [gone, server] = [await closedPort(), await replying(OK)];
    const { port, told } = observed(gone, server);
    const client = await rawClient(port, GET);
    await client.until("ok");
    client.socket.destroy();
    expect(told[0]?.steps[0]).toBe(`connected ${server.port}`);
  });

  test("of a second target where the first broke off, with the sizes of the second alone", async () => {
    const breaking = await rawServer((socket) => socket.on("data", () => socket.end()));
    cleanup.push(breaking.close);
    const server = await replying(OK);
    const { port, told } = observed(breaking, server);
    const client = await rawClient(port, GET);
    await client.until("ok");
    client.socket.destroy();
    expect(told[0]?.steps).toEqual([
      `connected ${breaking.port}`,
      `connected ${server.port}`,
      "responded 200",
      `ended ${GET.length} ${OK.length} true`,
    ]);
    expect(told[0]?.texts.request).toBe(GET);
  });

  test("of an exchange that breaks off", async () => {
    const server = await replying("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nbegun");
    const { port, told } = observed(server);
    const client = await rawClient(port, GET);
    await client.until("begun");
    client.socket.resetAndDestroy();
    await told[0]?.end.promise;
    expect(told[0]?.steps.at(-1)).toMatch(new RegExp(`^ended ${GET.length} \\d+ false$`));
  });

  test("once, of a target that nobody listens at", async () => {
    const { port, told } = observed(await closedPort());
    await (await rawClient(port, GET)).all().catch(() => "");
    expect(told[0]?.steps).toEqual(["ended 0 0 false"]);
  });

  test("of a switch to another protocol", async () => {
    const server = await replying("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
    const { port, told } = observed(server);
    const client = await rawClient(port, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    await client.until("101");
    client.socket.destroy();
    expect(told[0]?.steps.slice(1)).toEqual(["responded 101", expect.stringMatching(/^ended \d+ \d+ true$/)]);
  });
});
