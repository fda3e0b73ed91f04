/** What comes early, late, or from one side alone, against real servers on loopback. */
import { afterEach, describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { type ExchangePolicy, serveHttp } from "../../../../proxy/http/exchange.ts";
import type { Target } from "../../../../proxy/http/upstreams.ts";
import { front, namedServer, rawClient, type RawServer, rawServer } from "../raw-peers.ts";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
});

async function serving(onConnection: (socket: Socket) => void): Promise<RawServer> {
  const server = await rawServer(onConnection);
  cleanup.push(server.close);
  return server;
}

function through(target: Target): number {
  const policy: ExchangePolicy = {
    decide: () => ({ kind: "forward", targets: [target] }),
    unreachable: () => undefined,
  };
  const listening = front((client) => serveHttp({ client, policy }));
  cleanup.push(listening.stop);
  return listening.port;
}

const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

describe("serveHttp()", () => {
  test("interim answers pass, however many, each as it comes", async () => {
    const server = await serving((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
      });
    });
    const client = await rawClient(
      through(server),
      "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\n",
    );
    await client.until("Link: </a>\r\n\r\n");
    client.socket.write("body");
    expect(await client.all()).toEndWith("ok");
  });

  test("an absolute target reaches the server as it is", async () => {
    const server = await namedServer("one");
    cleanup.push(server.close);
    const request = "GET http://web/path HTTP/1.1\r\nHost: other\r\n\r\n";
    const client = await rawClient(through(server), request);
    await client.until("one");
    expect(server.received()).toBe(request);
    client.socket.destroy();
  });

  test("HTTP/1.0 with keep-alive goes on", async () => {
    const response = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok";
    const server = await serving((socket) => socket.on("data", () => socket.write(response)));
    const client = await rawClient(through(server));
    for (let round = 1; round <= 2; round += 1) {
      client.socket.write("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
      await client.until(response.repeat(round));
    }
    client.socket.destroy();
  });

  test("an answer before the request's end lets the rest follow, and the next request behind it", async () => {
    let received = "";
    const server = await serving((socket) => {
      socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly"));
      socket.on("data", (bytes) => {
        received += bytes.toString();
        if (received.endsWith(GET)) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext");
      });
    });
    const client = await rawClient(through(server), "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\none ");
    await client.until("early");
    client.socket.write(`rest${GET}`);
    await client.until("next");
    expect(received).toBe(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\none rest${GET}`);
    client.socket.destroy();
  });

  test("an empty line behind a body hides no end of the server's", async () => {
    const server = await serving((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        setTimeout(() => socket.end(), 50);
      });
    });
    const client = await rawClient(through(server), "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody\r\n");
    expect(await client.all()).toEndWith("ok");
  });

  test("what a client sends behind its upgrade reaches the server behind the switch", async () => {
    const switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
    const server = await serving((socket) => {
      socket.once("data", () => {
        socket.write(`${switched}hello `);
        socket.on("data", (bytes) => socket.write(bytes));
      });
    });
    const client = await rawClient(
      through(server),
      "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nahead",
    );
    await client.until(`${switched}hello ahead`);
    client.socket.destroy();
  });

  test("a server is not read faster than its client reads, nor a client faster than its server", async () => {
    const size = 256 * 1024 * 1024;
    const block = Buffer.alloc(1024 * 1024, 97);
    const pump = (socket: Socket): (() => number) => {
      let written = 0;
      const go = (): void => {
        while (written < size && socket.write(block)) written += block.length;
      };
      socket.on("drain", go);
      go();
      return () => written;
    };
    let fromServer = (): number => 0;
    const server = await serving((socket) => {
      socket.once("data", () => {
        socket.pause();
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
        fromServer = pump(socket);
      });
    });
    const client = await rawClient(through(server), `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`);
    await client.until("200 OK");
    client.socket.pause();
    const fromClient = pump(client.socket);
    await Bun.sleep(500);
    // What the kernel holds for four sockets on loopback is a few MiB each.
    expect(fromServer()).toBeLessThan(size / 4);
    expect(fromClient()).toBeLessThan(size / 4);
    client.socket.destroy();
  });

  test("refuses a head that does not come in time with 408, and says nothing to a client that sends none", async () => {
    const server = await namedServer("one");
    cleanup.push(server.close);
    const policy: ExchangePolicy = {
      decide: () => ({ kind: "forward", targets: [server] }),
      unreachable: () => undefined,
    };
    const listening = front((client) => serveHttp({ client, policy, headMs: 30 }));
    cleanup.push(listening.stop);
    const silent = await rawClient(listening.port);
    const slow = await rawClient(listening.port, "GET / HTTP/1.1\r\nHost");
    expect(await slow.all()).toStartWith("HTTP/1.1 408 ");
    silent.socket.write(GET);
    await silent.until("one");
    silent.socket.destroy();
  });
});
