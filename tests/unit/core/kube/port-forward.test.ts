import { afterEach, describe, expect, test } from "bun:test";
import net from "node:net";
import tls from "node:tls";
import { openPortForward } from "../../../../core/kube/port-forward.ts";
import { openWebSocket } from "../../../../core/kube/raw-websocket.ts";
import { KubeError, type KubeConnection } from "../../../../core/kube/types.ts";
import { encodeFrame } from "../../../../core/kube/websocket-frame.ts";
import { testCertificate } from "../../../fakes/certificate.ts";
import { bytesOf, codeOf, readAll } from "../wire/support.ts";
import { connectionTo, statusResponse } from "./support.ts";

const PROTOCOL = "v4.channel.k8s.io";
const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

interface PodServer {
  readonly message: (socket: Bun.ServerWebSocket, channel: number, bytes: Buffer) => void;
  readonly refuse?: () => Response;
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** An API server that forwards to nothing but the test; Bun's own WebSocket server judges our frames. */
function podServer(options: PodServer): { readonly connection: KubeConnection; readonly urls: string[] } {
  const urls: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    fetch: (request, self) => {
      urls.push(
        `${new URL(request.url).pathname}${new URL(request.url).search} ${request.headers.get("authorization")}`,
      );
      if (options.refuse !== undefined) return options.refuse();
      self.upgrade(request, { headers: { "Sec-WebSocket-Protocol": PROTOCOL } });
      return undefined;
    },
    websocket: {
      open: (socket) => {
        socket.sendBinary(Uint8Array.of(0, 0x51, 0x1b));
        socket.sendBinary(Uint8Array.of(1, 0x51, 0x1b));
      },
      message: (socket, message) => options.message(socket, Number(message[0]), Buffer.from(message.slice(1))),
    },
  });
  stops.push(() => server.stop(true));
  const connection = connectionTo(server.port ?? 0);
  if (options.tls === undefined) return { connection, urls };
  return {
    connection: { ...connection, server: `https://localhost:${server.port}`, tls: { ca: options.tls.cert } },
    urls,
  };
}

const target = { namespace: "dev", pod: "web-1", port: 7001 };
const echo: PodServer["message"] = (socket, channel, bytes) =>
  void socket.sendBinary(Buffer.concat([Buffer.from([channel]), bytes]));

describe("openPortForward()", () => {
  test("carries bytes of any size both ways, over TLS as well", async () => {
    const certificate = await testCertificate();
    for (const server of [podServer({ message: echo }), podServer({ message: echo, tls: certificate })]) {
      const stream = await openPortForward(server.connection, target);
      expect(server.urls).toEqual(["/api/v1/namespaces/dev/pods/web-1/portforward?ports=7001 Bearer test"]);
      for (const size of [1, 125, 126, 65_535, 65_536, 300_000]) {
        const bytes = bytesOf(size, size);
        await stream.write(bytes);
        const parts: Uint8Array[] = [];
        for (let got = 0; got < size; got += parts.at(-1)?.length ?? 0)
          parts.push((await stream.read()) ?? new Uint8Array(0));
        expect(Bun.hash(Buffer.concat(parts))).toBe(Bun.hash(bytes));
      }
      stream.abort();
    }
  });

  test("ends when the API server closes", async () => {
    const { connection } = podServer({
      message: (socket) => {
        socket.sendBinary(Uint8Array.of(0, 1, 2));
        socket.close(1000);
      },
    });
    const stream = await openPortForward(connection, target);
    await stream.write(new Uint8Array(1));
    expect(await readAll(stream)).toEqual(Uint8Array.of(1, 2));
  });

  test("breaks with the kubelet's words", async () => {
    const { connection } = podServer({
      message: (socket) => void socket.sendBinary(Buffer.from("\u0001connect: connection refused\n")),
    });
    const stream = await openPortForward(connection, target);
    await stream.write(new Uint8Array(1));
    const reading = stream.read();
    expect(reading).rejects.toThrow("The port-forward broke: connect: connection refused");
    expect(await codeOf(reading)).toBe("CONNECTION_LOST");
    expect(await codeOf(stream.write(new Uint8Array(1)))).toBe("CONNECTION_LOST");
  });

  test("a refusal keeps status, reason and words", async () => {
    const { connection } = podServer({
      message: echo,
      refuse: () => statusResponse(403, "Forbidden", "not yours"),
    });
    const error = await openPortForward(connection, target).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(KubeError);
    expect(error).toMatchObject({ status: 403, reason: "Forbidden", message: "not yours" });
  });

  test.each([
    ["the API server", () => statusResponse(404, "NotFound", 'pods "web-1" not found')],
    ["a kubelet that has just started", () => new Response("pod does not exist", { status: 404 })],
  ])("a pod that is not there, as %s says, is a lost connection", async (_, refuse) => {
    const { connection } = podServer({ message: echo, refuse });
    const error = await openPortForward(connection, target).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "CONNECTION_LOST" });
    expect(String(error)).toContain("Pod `web-1` cannot be reached: ");
  });

  test("the signal breaks it, before and after it is open", async () => {
    const { connection } = podServer({ message: echo });
    const reason = new Error("enough");
    const never = openPortForward(connection, { ...target, signal: AbortSignal.abort(reason) });
    expect(never).rejects.toThrow("enough");
    await never.catch(() => {});
    const abort = new AbortController();
    const stream = await openPortForward(connection, { ...target, signal: abort.signal });
    const reading = stream.read();
    abort.abort(reason);
    expect(reading).rejects.toThrow("enough");
    await reading.catch(() => {});
  });

  test("takes no bytes after its end, and still reads", async () => {
    const { connection } = podServer({ message: echo });
    const stream = await openPortForward(connection, target);
    await stream.write(Uint8Array.of(7));
    await stream.end();
    expect(stream.write(new Uint8Array(1))).rejects.toThrow("after its end");
    expect(await stream.read()).toEqual(Uint8Array.of(7));
    stream.abort();
  });
});

/** A server that answers the handshake with `answer`, given the proof of the key. */
async function rawServer(answer: (accept: string) => readonly (string | Uint8Array)[]): Promise<KubeConnection> {
  const server = net.createServer((socket) => {
    socket.once("data", (head) => {
      const key = /sec-websocket-key: (.*)\r/i.exec(String(head))?.[1] ?? "";
      const accept = new Bun.CryptoHasher("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      for (const part of answer(accept)) socket.write(part);
    });
    socket.on("error", () => {});
    stops.push(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(() => server.close());
  return connectionTo((server.address() as net.AddressInfo).port);
}

function accepted(accept: string): string {
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

describe("openWebSocket()", () => {
  const request = { path: "/x", protocols: ["p"] };

  test("puts fragments together, answers pings, and ends at a close", async () => {
    const connection = await rawServer((accept) => [
      accepted(accept),
      Uint8Array.of(0x02, 2, 1, 2, 0x89, 1, 9, 0x00, 1, 3, 0x80, 1, 4, 0x82, 1),
      Uint8Array.of(5, 0x88, 0),
    ]);
    const socket = await openWebSocket(connection, request);
    expect(await socket.read()).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(await socket.read()).toEqual(Uint8Array.of(5));
    expect(await socket.read()).toBeUndefined();
    await socket.close();
  });

  test.each([
    ["a masked frame", Uint8Array.of(0x82, 0x81, 0, 0, 0, 0, 1)],
    ["an extension nobody asked for", Uint8Array.of(0xc2, 1, 1)],
    ["a frame without end", Uint8Array.of(0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0)],
  ])("refuses %s", async (_name, bytes) => {
    const socket = await openWebSocket(await rawServer((accept) => [accepted(accept), bytes]), request);
    expect(await codeOf(socket.read())).toBe("PROTOCOL");
    socket.abort();
  });

  test("refuses a server that proves nothing", async () => {
    expect(await codeOf(openWebSocket(await rawServer(() => [accepted("wrong")]), request))).toBe("PROTOCOL");
  });

  test("reads a refusal in chunks", async () => {
    const body = JSON.stringify({ kind: "Status", message: "no", reason: "Forbidden" });
    const connection = await rawServer(() => [
      `HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    ]);
    const error = await openWebSocket(connection, request).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ status: 403, reason: "Forbidden", message: "no" });
  });

  test("nobody there, a wrong certificate and a connection that ends at once are CLUSTER_UNREACHABLE", async () => {
    const { cert, key } = await testCertificate();
    const stranger = await testCertificate();
    const server = tls.createServer({ cert, key }, (socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    stops.push(() => server.close());
    const { port } = server.address() as net.AddressInfo;
    const secure = (ca: string): KubeConnection => ({
      ...connectionTo(0),
      server: `https://localhost:${port}`,
      tls: { ca },
    });
    expect(await codeOf(openWebSocket(secure(stranger.cert), request))).toBe("CLUSTER_UNREACHABLE");
    expect(await codeOf(openWebSocket(secure(cert), request))).toBe("CLUSTER_UNREACHABLE");
    expect(await codeOf(openWebSocket(connectionTo(1), request))).toBe("CLUSTER_UNREACHABLE");
  });

  test("encodeFrame() masks with zero and uses the shortest length", () => {
    expect(encodeFrame(2, Uint8Array.of(1))).toEqual(Uint8Array.of(0x82, 0x81, 0, 0, 0, 0, 1));
    expect(encodeFrame(2, new Uint8Array(126)).subarray(0, 4)).toEqual(Uint8Array.of(0x82, 0xfe, 0, 126));
    expect(encodeFrame(2, new Uint8Array(65_536)).subarray(0, 10)).toEqual(
      Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0),
    );
  });
});
