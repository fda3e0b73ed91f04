/** The HTTP path of the sidecar against real servers on loopback. */
import { afterEach, describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { type ExchangePolicy, serveHttp } from "../../../../proxy/http/exchange.ts";
import type { Target } from "../../../../proxy/http/upstreams.ts";
import { closedPort, front, namedServer, rawClient, type RawServer, rawServer } from "../raw-peers.ts";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
});

async function serving(onConnection: (socket: Socket) => void): Promise<RawServer> {
  const server = await rawServer(onConnection);
  cleanup.push(server.close);
  return server;
}

function through(...targets: readonly Target[]): number {
  return proxying({ decide: () => ({ kind: "forward", targets }), unreachable: () => undefined });
}

function proxying(policy: ExchangePolicy): number {
  const listening = front((client) => serveHttp({ client, policy }));
  cleanup.push(listening.stop);
  return listening.port;
}

/** Answers every connection's first bytes with `response`. */
function replying(response: string, then?: (socket: Socket) => void): Promise<RawServer> {
  return serving((socket) => {
    socket.once("data", () => {
      socket.write(response);
      then?.(socket);
    });
  });
}

/** Once it is closed. */
function isBroken(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => socket.once("close", resolve));
}

const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

describe("serveHttp() keeps the client's connection semantics", () => {
  test("two requests use one upstream connection", async () => {
    const server = await namedServer("one");
    cleanup.push(server.close);
    const client = await rawClient(through(server), GET);
    await client.until("one");
    client.socket.write(GET);
    await client.until("oneHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
    expect(server.connections()).toBe(1);
    client.socket.destroy();
  });

  test("pipelined requests are answered in order, each by its own upstream", async () => {
    const [a, b] = [await namedServer("aaa"), await namedServer("bbb")];
    cleanup.push(a.close, b.close);
    const port = proxying({
      decide: (head) => ({ kind: "forward", targets: [head.target === "/a" ? a : b] }),
      unreachable: () => undefined,
    });
    const requests = Array.from(
      { length: 50 },
      (_, i) => `GET /${i % 2 === 0 ? "a" : "b"} HTTP/1.1\r\nHost: x\r\n\r\n`,
    );
    const client = await rawClient(port, `${requests.join("")}GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    const bodies = [...(await client.all()).matchAll(/aaa|bbb/g)].map((match) => match[0]);
    expect(bodies).toEqual([...Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? "aaa" : "bbb")), "aaa"]);
    expect([a.connections(), b.connections()]).toEqual([1, 1]);
  });

  test("no upstream is shared between clients", async () => {
    const server = await namedServer("one");
    cleanup.push(server.close);
    const port = through(server);
    for (let i = 0; i < 3; i += 1) {
      const client = await rawClient(port, GET);
      await client.until("one");
      client.socket.destroy();
    }
    expect(server.connections()).toBe(3);
  });

  test("the upstream's end between requests ends the client", async () => {
    const server = await replying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", (socket) =>
      setTimeout(() => socket.end(), 5),
    );
    const client = await rawClient(through(server), GET);
    expect(await client.all()).toEndWith("ok");
  });

  test("Connection: close from the server ends the client behind the answer", async () => {
    const server = await replying("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    const client = await rawClient(through(server), GET);
    expect(await client.all()).toEndWith("ok");
  });

  test("an HTTP/1.0 answer without length ends with its connection", async () => {
    const server = await replying("HTTP/1.0 200 OK\r\n\r\nall of it", (socket) => socket.end());
    const client = await rawClient(through(server), "GET / HTTP/1.0\r\n\r\n");
    expect(await client.all()).toBe("HTTP/1.0 200 OK\r\n\r\nall of it");
  });

  test("a client that half-closes behind its request still gets the answer", async () => {
    const server = await serving((socket) => {
      socket.resume().on("end", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate"));
    });
    const client = await rawClient(through(server));
    client.socket.end(GET);
    expect(await client.all()).toEndWith("late");
  });

  test("a client that has said its last request is not waited for", async () => {
    const server = await replying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    const client = await rawClient(through(server), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect(await client.all()).toEndWith("ok");
    const broken = isBroken(client.socket);
    client.socket.write("\r\n");
    expect(await broken).toBeTrue();
  });

  test("an empty line behind its body does not break the answer", async () => {
    const server = await replying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    const post = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx";
    const client = await rawClient(through(server), post);
    await client.until("ok");
    const broken = isBroken(client.socket);
    client.socket.end("\r\n");
    expect(await broken).toBeFalse();
  });

  test("a client that goes away during an answer is told to the server", async () => {
    const gone = Promise.withResolvers<void>();
    const server = await serving((socket) => {
      socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ntick\r\n"));
      socket.on("end", gone.resolve).on("close", () => gone.resolve());
    });
    const client = await rawClient(through(server), GET);
    await client.until("tick");
    client.socket.destroy();
    await gone.promise;
  });
});

describe("serveHttp() frames", () => {
  test("answers to HEAD, 204 and 304 carry no body whatever they announce", async () => {
    const server = await serving((socket) => {
      socket.on("data", (bytes) => {
        const status = /^GET \/(\d+)/.exec(bytes.toString())?.[1] ?? "200";
        socket.write(`HTTP/1.1 ${status} X\r\nContent-Length: 10\r\n\r\n`);
      });
    });
    const client = await rawClient(through(server), "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    await client.until("200 X");
    client.socket.write("GET /204 HTTP/1.1\r\nHost: x\r\n\r\n");
    await client.until("204 X");
    client.socket.write("GET /304 HTTP/1.1\r\nHost: x\r\n\r\n");
    await client.until("304 X");
    client.socket.destroy();
  });

  test("chunked bodies with trailers pass both ways, byte by byte, and the connection goes on", async () => {
    const request =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n";
    const response =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 2\r\n\r\n";
    let received = "";
    const server = await serving((socket) => {
      let pending = "";
      socket.on("data", (bytes) => {
        received += bytes.toString();
        pending += bytes.toString();
        if (!pending.endsWith("X-Sum: 1\r\n\r\n")) return;
        pending = "";
        dribble(socket, response);
      });
    });
    const client = await rawClient(through(server));
    for (let round = 1; round <= 2; round += 1) {
      dribble(client.socket, request);
      await client.until(response.repeat(round));
    }
    expect(received).toBe(request.repeat(2));
    client.socket.destroy();
  });

  test("every split of a pipelined pair reaches the server as the same bytes", async () => {
    const pair =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /last HTTP/1.1\r\nHost: x\r\n\r\n";
    for (let split = 1; split < pair.length; split += 1) {
      let received = "";
      const server = await serving((socket) => {
        socket.on("data", (bytes) => {
          received += bytes.toString();
          if (received.endsWith("0\r\n\r\n")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst");
          if (received.endsWith("/last HTTP/1.1\r\nHost: x\r\n\r\n"))
            socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast");
        });
      });
      const client = await rawClient(through(server), pair.slice(0, split));
      await Bun.sleep(1);
      client.socket.write(pair.slice(split));
      await client.until("last");
      expect(received).toBe(pair);
      client.socket.destroy();
    }
  });

  test("100-continue reaches the client before it sends its body", async () => {
    const server = await serving((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 100 Continue\r\n\r\n");
        socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
      });
    });
    const client = await rawClient(
      through(server),
      "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
    );
    await client.until("100 Continue\r\n\r\n");
    client.socket.write("body");
    await client.until("200 OK");
    client.socket.destroy();
  });

  test("the first event of a stream arrives at once", async () => {
    const server = await replying("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
    const client = await rawClient(through(server), GET);
    await client.until("data: 1\n\n");
    client.socket.destroy();
  });

  test("an upgrade becomes a tunnel", async () => {
    const server = await serving((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
        socket.on("data", (bytes) => socket.write(bytes.toString().toUpperCase()));
        socket.on("end", () => socket.end("bye"));
      });
    });
    const client = await rawClient(
      through(server),
      "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    );
    await client.until("101 Switching");
    client.socket.write("not http at all");
    await client.until("NOT HTTP AT ALL");
    client.socket.end();
    expect(await client.all()).toEndWith("bye");
  });

  test("CONNECT becomes a tunnel", async () => {
    const server = await serving((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        socket.on("data", (bytes) => socket.write(bytes));
      });
    });
    const client = await rawClient(through(server), "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
    await client.until("200 OK");
    client.socket.write("echo");
    await client.until("echo");
    client.socket.destroy();
  });

  test("an answer before the request's end passes, and ends the connection where it says so", async () => {
    const server = await replying(
      "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno",
      (socket) => socket.end(),
    );
    const client = await rawClient(
      through(server),
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nstart",
    );
    expect(await client.all()).toEndWith("no");
  });

  test("a large answer to a client that has half-closed and reads late", async () => {
    const size = 20 * 1024 * 1024;
    const server = await serving((socket) =>
      socket
        .resume()
        .on("end", () => socket.end(Buffer.concat([Buffer.from("HTTP/1.1 200 OK\r\n\r\n"), Buffer.alloc(size, 97)]))),
    );
    const client = await rawClient(through(server));
    client.socket.pause();
    client.socket.end(GET);
    await Bun.sleep(100);
    client.socket.resume();
    expect((await client.all()).length).toBe(size + "HTTP/1.1 200 OK\r\n\r\n".length);
  });

  test("50 MB both ways at once", async () => {
    const size = 50 * 1024 * 1024;
    const server = await serving((socket) => {
      socket.once("data", () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
        socket.write(Buffer.alloc(size, 98));
      });
      socket.resume();
    });
    const client = await rawClient(
      through(server),
      `POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n`,
    );
    let got = 0;
    client.socket.on("data", (bytes) => {
      got += bytes.length;
    });
    client.socket.write(Buffer.alloc(size, 97));
    await client.all();
    expect(got).toBe(size + `HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`.length);
  });
});

describe("serveHttp() refuses", () => {
  const refused: readonly (readonly [string, string, number])[] = [
    [
      "length and chunked",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      400,
    ],
    ["a bare line feed", "GET / HTTP/1.1\nHost: x\r\n\r\n", 400],
    ["a request line that is too long", `GET /${"a".repeat(70_000)}`, 414],
    ["a head that is too large", `GET / HTTP/1.1\r\nX: ${"a".repeat(70_000)}`, 431],
  ];
  for (const [name, request, status] of refused) {
    test(`${name} with ${status}`, async () => {
      const server = await namedServer("never");
      cleanup.push(server.close);
      const client = await rawClient(through(server), request);
      expect(await client.all()).toStartWith(`HTTP/1.1 ${status} `);
      expect(server.received()).toBe("");
    });
  }

  test("malformed chunks in the middle of a request with 400, and breaks the upstream", async () => {
    const [started, broken] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const server = await serving((socket) =>
      socket.on("data", () => started.resolve()).on("close", () => broken.resolve()),
    );
    const client = await rawClient(
      through(server),
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    );
    await started.promise;
    client.socket.write("zz\r\n");
    expect(await client.all()).toStartWith("HTTP/1.1 400 ");
    await broken.promise;
  });

  test("an answer that is no HTTP with 502", async () => {
    const server = await replying("SSH-2.0-OpenSSH\r\n\r\n");
    const client = await rawClient(through(server), GET);
    expect(await client.all()).toStartWith("HTTP/1.1 502 ");
  });
});

describe("serveHttp() falls back", () => {
  test("to the next target when one refuses", async () => {
    const server = await namedServer("second");
    cleanup.push(server.close);
    const client = await rawClient(through(await closedPort(), server), GET);
    await client.until("second");
    client.socket.destroy();
  });

  test("to the next target when one breaks before answering a safe request", async () => {
    const resetting = await serving((socket) => socket.once("data", () => socket.resetAndDestroy()));
    const server = await namedServer("second");
    cleanup.push(server.close);
    const client = await rawClient(through(resetting, { ...server, mark: "dev/web" }), GET);
    await client.until("second");
    expect(server.received()).toContain("azds-routed-to: dev/web\r\n");
    client.socket.destroy();
  });

  test("never with a request that is not safe to repeat", async () => {
    const resetting = await serving((socket) => socket.once("data", () => socket.resetAndDestroy()));
    const server = await namedServer("second");
    cleanup.push(server.close);
    const client = await rawClient(
      through(resetting, server),
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    );
    expect(await client.failure()).toBe("ECONNRESET");
    expect(server.received()).toBe("");
  });

  test("to a reset when every target refuses", async () => {
    const client = await rawClient(through(await closedPort()), GET);
    expect(await client.failure()).toBe("ECONNRESET");
  });

  test("to an answer where the policy has one", async () => {
    const targets = [await closedPort()];
    const port = proxying({
      decide: () => ({ kind: "forward", targets }),
      unreachable: () => ({ kind: "answer", status: 502, text: "nobody\n" }),
    });
    const client = await rawClient(port, GET);
    expect(await client.all()).toEndWith("nobody\n");
  });
});

/** One byte a write, so that every split is seen. */
function dribble(socket: Socket, text: string): void {
  socket.setNoDelay(true);
  for (const byte of text) socket.write(byte);
}
