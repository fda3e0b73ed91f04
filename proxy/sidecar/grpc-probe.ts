/** A gRPC probe as the kubelet makes it: `grpc.health.v1.Health/Check` over cleartext HTTP/2. Loaded when it is first made. */
import { connect, type ClientHttp2Session } from "node:http2";
import { PROBE_BODY_BYTES_MAX } from "../../core/limits.ts";
import type { ProbeTarget, Verdict } from "./probe.ts";

/** Compression flag and length of a message (gRPC over HTTP/2, "Length-Prefixed-Message"). */
const PREFIX_BYTES = 5;
/** `HealthCheckRequest.service` and `HealthCheckResponse.status`: field 1 as text and as number (Protocol Buffers, "Encoding"). */
const SERVICE_TAG = 0x0a;
const STATUS_TAG = 0x08;
const SERVING = 1;

/** Never rejects. */
export async function checkGrpc(service: string, { address, port, signal }: ProbeTarget): Promise<Verdict> {
  const host = address.includes(":") ? `[${address}]` : address;
  const session = connect(`http://${host}:${port}`);
  try {
    const answer = await ask(session, requestOf(service), signal);
    const isServing = answer[PREFIX_BYTES] === STATUS_TAG && answer[PREFIX_BYTES + 1] === SERVING;
    return isServing ? { status: 200, text: "ok\n" } : { status: 503, text: "The application is not serving\n" };
  } catch (error) {
    return { status: 503, text: `${error instanceof Error ? error.message : String(error)}\n` };
  } finally {
    session.destroy();
  }
}

/** The answer's message with its prefix; empty where there is a status instead. */
async function ask(session: ClientHttp2Session, request: Buffer, signal: AbortSignal): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const stop = (): void => reject(new Error("No answer in time"));
  signal.addEventListener("abort", stop, { once: true });
  session.on("error", reject);
  const stream = session.request({
    ":method": "POST",
    ":path": "/grpc.health.v1.Health/Check",
    "content-type": "application/grpc",
    te: "trailers",
    "user-agent": "kube-probe/azds",
  });
  let answer = Buffer.alloc(0);
  stream.on("error", reject);
  stream.on("data", (part: Buffer) => {
    answer = Buffer.concat([answer, part]);
    if (answer.length > PROBE_BODY_BYTES_MAX) reject(new Error("The answer is too long"));
  });
  stream.on("end", () => resolve(answer));
  stream.on("close", () => resolve(answer));
  stream.end(request);
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function requestOf(service: string): Buffer {
  const name = Buffer.from(service, "utf8");
  const message =
    name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([SERVICE_TAG, ...varint(name.length)]), name]);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Seven bits a byte, the lowest first (Protocol Buffers, "Base 128 Varints"). */
function varint(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}
