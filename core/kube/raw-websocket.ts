/**
 * WebSocket client over a plain or TLS socket. Other than Bun's own it keeps back-pressure and the Status that a refused
 * upgrade is answered with.
 */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { AzdsError } from "../errors.ts";
import { withoutBrackets } from "../host-name.ts";
import { HEAD_BYTES_MAX, UPGRADE_MS_MAX } from "../limits.ts";
import { ByteReader } from "../wire/byte-reader.ts";
import type { ByteStream } from "../wire/byte-stream.ts";
import { streamOfSocket } from "../wire/socket-stream.ts";
import { statusError } from "./status.ts";
import { unreachable } from "./unreachable.ts";
import type { KubeConnection } from "./types.ts";
import { MessageAssembler, OPCODE, encodeFrame, readFrame } from "./websocket-frame.ts";

export interface RawWebSocket {
  /** The subprotocol that the server chose; empty when none. */
  readonly protocol: string;
  /** The next message, or `undefined` after the server's close. Control frames are answered only while somebody reads. */
  readonly read: () => Promise<Uint8Array | undefined>;
  /** One binary message; resolves when more may be sent. */
  readonly send: (message: Uint8Array) => Promise<void>;
  readonly ping: () => Promise<void>;
  /** Says goodbye and closes without waiting for the answer. */
  readonly close: () => Promise<void>;
  readonly abort: (reason?: Error) => void;
}

export interface WebSocketRequest {
  /** With query, below the connection's server. */
  readonly path: string;
  /** In order of preference. */
  readonly protocols: readonly string[];
  /** Aborts the opening only. */
  readonly signal?: AbortSignal;
}

/**
 * @throws KubeError when the API server refuses, AzdsError CLUSTER_UNREACHABLE when it cannot be reached or does not
 * answer in UPGRADE_MS_MAX, the signal's reason after its abort
 */
export async function openWebSocket(connection: KubeConnection, request: WebSocketRequest): Promise<RawWebSocket> {
  const deadline = AbortSignal.timeout(UPGRADE_MS_MAX);
  const signal = request.signal === undefined ? deadline : AbortSignal.any([request.signal, deadline]);
  let stream: ByteStream | undefined;
  const onAbort = (): void => stream?.abort(new Error("Aborted"));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    stream = streamOfSocket(await connect(connection, signal));
    const reader = new ByteReader(stream);
    const protocol = await upgrade({ stream, reader }, connection, request);
    return webSocketOver(stream, reader, protocol);
  } catch (error) {
    stream?.abort();
    if (request.signal?.aborted === true) throw request.signal.reason;
    if (deadline.aborted)
      throw unreachable(connection, `no answer within ${UPGRADE_MS_MAX / 1000} s`, { cause: error });
    if (error instanceof AzdsError && error.code === "CONNECTION_LOST") throw unreachable(connection, error);
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** A socket without traffic is probed after this long, so that a peer that vanished is noticed. */
const KEEP_ALIVE_MS = 15_000;

async function connect(connection: KubeConnection, signal: AbortSignal): Promise<net.Socket> {
  const url = new URL(connection.server);
  const host = withoutBrackets(url.hostname);
  const secure = url.protocol === "https:";
  const port = Number(url.port === "" ? (secure ? 443 : 80) : url.port);
  const { serverName, ...pem } = connection.tls;
  const name = serverName ?? (net.isIP(host) === 0 ? host : undefined);
  const socket = secure
    ? tls.connect({
        host,
        port,
        ...pem,
        ...(name === undefined ? {} : { servername: name }),
        ALPNProtocols: ["http/1.1"],
      })
    : net.connect({ host, port });
  try {
    await once(socket, secure ? "secureConnect" : "connect", { signal });
  } catch (error) {
    socket.destroy();
    throw unreachable(connection, error);
  }
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return socket;
}

interface Opening {
  readonly stream: ByteStream;
  readonly reader: ByteReader;
}

/** The opening handshake (RFC 6455 §4); the chosen subprotocol. */
async function upgrade(
  { stream, reader }: Opening,
  connection: KubeConnection,
  request: WebSocketRequest,
): Promise<string> {
  const url = new URL(connection.server);
  const key = randomBytes(16).toString("base64");
  const fields = {
    Host: url.host,
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": key,
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Protocol": request.protocols.join(", "),
    ...(await connection.headers()),
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const target = url.pathname.replace(/\/$/, "") + request.path;
  await stream.write(new TextEncoder().encode(`GET ${target} HTTP/1.1\r\n${lines.join("")}\r\n`));
  const head = new TextDecoder().decode(await reader.until("\r\n\r\n", HEAD_BYTES_MAX));
  const status = Number(head.slice(9, 12));
  if (status !== 101) throw statusError(status, await refusalText(reader, head));
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  if (fieldOf(head, "sec-websocket-accept") !== accept)
    throw new AzdsError("PROTOCOL", "The API server answered the WebSocket handshake wrongly");
  return fieldOf(head, "sec-websocket-protocol") ?? "";
}

/** The body of a refusal: by its length, else what comes until the end or the last chunk. */
async function refusalText(reader: ByteReader, head: string): Promise<string> {
  const length = fieldOf(head, "content-length");
  if (length !== undefined) {
    return new TextDecoder().decode(await reader.exactly(Math.min(Number(length) || 0, HEAD_BYTES_MAX)));
  }
  let text = "";
  while (text.length < HEAD_BYTES_MAX && !text.endsWith("\r\n0\r\n\r\n")) {
    const bytes = await reader.some();
    if (bytes === undefined) break;
    text += new TextDecoder().decode(bytes);
  }
  return /\{.*\}/s.exec(text)?.[0] ?? text;
}

function fieldOf(head: string, name: string): string | undefined {
  const prefix = `${name}:`;
  const line = head.split("\r\n").find((each) => each.toLowerCase().startsWith(prefix));
  return line?.slice(prefix.length).trim();
}

function webSocketOver(stream: ByteStream, reader: ByteReader, protocol: string): RawWebSocket {
  const assembler = new MessageAssembler();
  const read = async (): Promise<Uint8Array | undefined> => {
    for (;;) {
      const frame = await readFrame(reader);
      if (frame === undefined) throw new AzdsError("CONNECTION_LOST", "The API server ended the connection");
      if (frame.opcode === OPCODE.close) return undefined;
      if (frame.opcode === OPCODE.ping) await stream.write(encodeFrame(OPCODE.pong, frame.payload));
      if (frame.opcode <= OPCODE.binary) {
        const message = assembler.add(frame);
        if (message !== undefined) return message;
      }
    }
  };
  return {
    protocol,
    read,
    send: (message) => stream.write(encodeFrame(OPCODE.binary, message)),
    ping: () => stream.write(encodeFrame(OPCODE.ping, new Uint8Array(0))),
    close: async () => {
      // 1000: normal closure (§7.4.1).
      await stream.write(encodeFrame(OPCODE.close, Uint8Array.of(0x03, 0xe8)));
      await stream.end();
      stream.abort();
    },
    abort: (reason) => stream.abort(reason),
  };
}
