/** Outbound connections against real servers; the redirect is replaced by a function. */
import { afterEach, describe, expect, test } from "bun:test";
import { acceptOutbound } from "../../../../proxy/sidecar/outbound.ts";
import type { Pod } from "../../../../proxy/sidecar/pod.ts";
import { closedPort, front, namedServer, pod, rawClient, rawServer, redirected, snapshot, web } from "../raw-peers.ts";

/** A loopback address on which nothing listens. */
const NOBODY = "127.0.0.9";
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
});

function outbound(of: Pod): number {
  const listening = front(redirected(acceptOutbound(of)));
  cleanup.push(listening.stop);
  return listening.port;
}

async function named(name: string) {
  const server = await namedServer(name);
  cleanup.push(server.close);
  return server;
}

async function raw(...parameters: Parameters<typeof rawServer>) {
  const server = await rawServer(...parameters);
  cleanup.push(server.close);
  return server;
}

const request = (...lines: readonly string[]): string =>
  `${["GET / HTTP/1.1", "Host: web", ...lines].join("\r\n")}\r\n\r\n`;

describe("acceptOutbound() routes HTTP", () => {
  test("by the header to the child's service, with the hop mark, and without it to the original", async () => {
    const [dev, alice] = [await named("from-dev"), await named("from-alice")];
    const port = outbound(pod(dev, { services: [web("dev", dev), web("alice", alice)] }));
    const client = await rawClient(port, request("azds-route-as: alice"));
    await client.until("from-alice");
    expect(alice.received()).toBe(request("azds-route-as: alice", "azds-routed-to: alice/web"));
    client.socket.write(request());
    await client.until("from-dev");
    expect(dev.received()).toBe(request());
    client.socket.write(request("azds-route-as: nope"));
    await client.until("from-devHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nfrom-dev");
    client.socket.destroy();
  });

  test("by the baggage where the header is absent, and the header comes first where both are there", async () => {
    const [dev, alice] = [await named("from-dev"), await named("from-alice")];
    const port = outbound(pod(dev, { services: [web("dev", dev), web("alice", alice)] }));
    const client = await rawClient(port, request("baggage: a=1,azds-route-as=alice"));
    await client.until("from-alice");
    expect(alice.received()).toBe(request("baggage: a=1,azds-route-as=alice", "azds-routed-to: alice/web"));
    client.socket.write(request("Baggage: azds-route-as=alice", "azds-route-as: dev"));
    await client.until("from-dev");
    client.socket.destroy();
  });

  test("and adds the space to baggage that is there and names none", async () => {
    const [dev, alice] = [await named("from-dev"), await named("from-alice")];
    const port = outbound(pod(dev, { services: [web("dev", dev), web("alice", alice)] }));
    const lines = ["Baggage: a=1", "azds-route-as: alice"];
    const client = await rawClient(port, request(...lines));
    await client.until("from-alice");
    expect(alice.received()).toBe(request(...lines, "baggage: azds-route-as=alice", "azds-routed-to: alice/web"));
    client.socket.destroy();
  });

  test("to the ancestor when the child's refuses", async () => {
    const [dev, gone] = [await named("from-dev"), await closedPort()];
    const port = outbound(pod(dev, { services: [web("dev", dev), web("alice", gone)] }));
    const client = await rawClient(port, request("azds-route-as: alice"));
    await client.until("from-dev");
    client.socket.destroy();
  });

  test("to a pod of the child's when nodes do not know its cluster IP yet", async () => {
    const [dev, alice] = [await named("from-dev"), await named("from-alice")];
    const ports = [{ name: "http", port: alice.port, target: alice.port }];
    const services = [web("dev", dev), web("alice", alice, { ips: [NOBODY], ports })];
    const client = await rawClient(outbound(pod(dev, { services })), request("azds-route-as: alice"));
    await client.until("from-alice");
    expect(alice.received()).toBe(request("azds-route-as: alice", "azds-routed-to: alice/web"));
    client.socket.destroy();
  });

  test("to the child's although the original destination refuses", async () => {
    const [alice, gone] = [await named("from-alice"), await closedPort()];
    const port = outbound(pod(gone, { services: [web("dev", gone), web("alice", alice)] }));
    const client = await rawClient(port, request("azds-route-as: alice"));
    await client.until("from-alice");
    client.socket.destroy();
  });

  test("and strips a hop mark that the application copied", async () => {
    const [dev, alice] = [await named("from-dev"), await named("from-alice")];
    const port = outbound(pod(dev, { services: [web("dev", dev), web("alice", alice)] }));
    const client = await rawClient(port, request("azds-routed-to: dev/web", "azds-route-as: alice"));
    await client.until("from-alice");
    expect(alice.received()).toBe(request("azds-route-as: alice", "azds-routed-to: alice/web"));
    client.socket.destroy();
  });

  test("where the port is declared HTTP, without touching the original destination", async () => {
    const [dev, alice] = [await named("from-dev"), await named("from-alice")];
    const declared = { ports: [{ name: "http", port: 80, target: dev.port, hint: "http" as const }] };
    const port = outbound(pod(dev, { services: [web("dev", dev, declared), web("alice", alice)] }));
    const client = await rawClient(port, request("azds-route-as: alice"));
    await client.until("from-alice");
    expect(dev.connections()).toBe(0);
    client.socket.destroy();
  });

  test("of a keep-alive connection each request by itself, one upstream a target", async () => {
    const [dev, alice] = [await named("from-dev"), await named("from-alice")];
    const port = outbound(pod(dev, { services: [web("dev", dev), web("alice", alice)] }));
    const client = await rawClient(
      port,
      Array.from({ length: 10 }, (_, i) => request(`azds-route-as: ${i % 2 === 0 ? "alice" : "dev"}`)).join(""),
    );
    await client.until(
      `from-dev${"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfrom-aliceHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nfrom-dev".repeat(4)}`,
    );
    expect(alice.connections()).toBe(1);
    client.socket.destroy();
  });

  test("once the first table is there", async () => {
    const [dev, alice] = [await named("from-dev"), await named("from-alice")];
    const early = pod(dev);
    const client = await rawClient(outbound(early), request("azds-route-as: alice"));
    await Bun.sleep(10);
    expect(dev.received() + alice.received()).toBe("");
    early.routes.apply(snapshot([web("dev", dev), web("alice", alice)]));
    await client.until("from-alice");
    client.socket.destroy();
  });

  test("to the original destination when no table comes", async () => {
    const dev = await named("from-dev");
    const client = await rawClient(outbound(pod(dev)), request("azds-route-as: alice"));
    await client.until("from-dev");
    client.socket.destroy();
  });
});

describe("acceptOutbound() relays", () => {
  test("a server that speaks first, at once", async () => {
    const server = await raw((socket) => {
      socket.write("220 ready\r\n");
      socket.on("data", (bytes) => socket.write(`got ${bytes.toString()}`));
    });
    const client = await rawClient(outbound(pod(server)));
    await client.until("220 ready\r\n");
    client.socket.write("GET / HTTP/1.1\r\nazds-route-as: alice\r\n\r\n");
    await client.until("got GET / HTTP/1.1\r\nazds-route-as: alice");
    client.socket.destroy();
  });

  test("what is no HTTP, with half-close in both directions", async () => {
    const server = await raw((socket) => {
      let got = "";
      socket.on("data", (bytes) => {
        got += bytes.toString("latin1");
      });
      socket.on("end", () => socket.end(`read ${got}`));
    });
    const client = await rawClient(outbound(pod(server)));
    client.socket.end("\x16\x03\x01binary");
    expect(await client.all()).toBe("read \x16\x03\x01binary");
  });

  test("a client that half-closes without a word", async () => {
    const server = await raw((socket) => socket.resume().on("end", () => socket.end("time")));
    const client = await rawClient(outbound(pod(server)));
    client.socket.end();
    expect(await client.all()).toBe("time");
  });

  test("a request line that stops half-way, after a while", async () => {
    const server = await raw((socket) => socket.on("data", (bytes) => socket.write(bytes)));
    const client = await rawClient(outbound(pod(server)), "GET /half");
    await client.until("GET /half");
    client.socket.destroy();
  });

  test("declared opaque ports without a look", async () => {
    const server = await raw((socket) => socket.on("data", (bytes) => socket.write(bytes)));
    const opaque = web("dev", server, { ports: [{ name: "db", port: 80, target: server.port, hint: "opaque" }] });
    const of = pod(server, { services: [opaque] });
    const client = await rawClient(outbound(of), request("azds-routed-to: a/b"));
    await client.until("azds-routed-to: a/b");
    expect(of.counters).toMatchObject({ relayed: 1, requests: 0 });
    client.socket.destroy();
  });

  test("50 MB both ways, as they were", async () => {
    const size = 50 * 1024 * 1024;
    const block = Buffer.alloc(
      size,
      Uint8Array.from({ length: 256 }, (_, i) => i * 7),
    );
    const server = await raw((socket) => {
      const hash = new Bun.CryptoHasher("sha256");
      socket.on("data", (bytes) => hash.update(bytes));
      socket.on("end", () => {
        socket.write(hash.digest());
        socket.end(block);
      });
    });
    const client = await rawClient(outbound(pod(server)));
    const received: Buffer[] = [];
    client.socket.on("data", (bytes) => received.push(Buffer.from(bytes)));
    client.socket.end(Buffer.concat([Buffer.from([0]), block]));
    await client.all();
    const answer = Buffer.concat(received);
    expect(answer.subarray(0, 32).toString("hex")).toBe(
      new Bun.CryptoHasher("sha256").update(Buffer.concat([Buffer.from([0]), block])).digest("hex"),
    );
    expect(answer.subarray(32).equals(block)).toBeTrue();
  });

  test("a large answer to a client that has half-closed and reads late", async () => {
    const size = 20 * 1024 * 1024;
    const server = await raw((socket) => socket.resume().on("end", () => socket.end(Buffer.alloc(size, 97))));
    const client = await rawClient(outbound(pod(server)));
    client.socket.pause();
    client.socket.end("\x16 all of it");
    await Bun.sleep(100);
    client.socket.resume();
    expect((await client.all()).length).toBe(size);
  });

  test("a reset of the server as a reset", async () => {
    const server = await raw((socket) => socket.once("data", () => socket.resetAndDestroy()));
    const client = await rawClient(outbound(pod(server)), "\x16 hello");
    expect(await client.failure()).toBe("ECONNRESET");
  });
});

describe("acceptOutbound() breaks the connection", () => {
  test("at once when an unknown destination refuses", async () => {
    const client = await rawClient(outbound(pod(await closedPort())));
    expect(await client.failure()).toBe("ECONNRESET");
  });

  test("after the look when a known one refuses and nothing is asked", async () => {
    const gone = await closedPort();
    const client = await rawClient(outbound(pod(gone, { services: [web("dev", gone)] })));
    expect(await client.failure()).toBe("ECONNRESET");
  });

  test("when every candidate refuses", async () => {
    const gone = await closedPort();
    const client = await rawClient(outbound(pod(gone, { services: [web("dev", gone)] })), request());
    expect(await client.failure()).toBe("ECONNRESET");
  });

  test("when it was not redirected, or would come back to the sidecar", async () => {
    for (const original of [undefined, { address: "127.0.0.1", port: 19001 }, { address: "10.0.0.9", port: 19080 }]) {
      const client = await rawClient(outbound(pod(original)), request());
      expect(await client.failure()).toBe("ECONNRESET");
    }
  });
});
