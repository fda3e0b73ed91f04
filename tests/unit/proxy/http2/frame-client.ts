/** A client that sends whatever frames it is told to, and remembers those that come back. */
import { once } from "node:events";
import { connect } from "node:net";
import { Field } from "../../../../proxy/http2/field.ts";
import { PREFACE } from "../../../../proxy/http/preface.ts";
import { ERROR, FLAG, FRAME, frame, readUint31, readUint32 } from "../../../../proxy/http2/frame.ts";
import { HpackEncoder } from "../../../../proxy/http2/hpack-encoder.ts";

export interface ReceivedFrame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

export interface FrameClient {
  /** Of those types that a test asks about, in order. */
  readonly received: readonly ReceivedFrame[];
  readonly send: (...frames: readonly Buffer[]) => void;
  readonly until: (wanted: (frame: ReceivedFrame) => boolean) => Promise<ReceivedFrame>;
  /** Resolves with the name of the error that ended the connection. */
  readonly goneAway: () => Promise<string | undefined>;
  readonly close: () => void;
}

export async function frameClient(port: number, settings: Buffer = SETTINGS): Promise<FrameClient> {
  const socket = connect({ host: "127.0.0.1", port });
  const received: ReceivedFrame[] = [];
  let rest = Buffer.alloc(0);
  let closed = false;
  let wake = (): void => {};
  socket.on("data", (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const end = 9 + rest.readUIntBE(0, 3);
      const payload = Buffer.from(rest.subarray(9, end));
      received.push({ type: rest[3] ?? 0, flags: rest[4] ?? 0, id: readUint31(rest, 5), payload });
      rest = rest.subarray(end);
    }
    wake();
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
    wake();
  });
  await once(socket, "connect");
  socket.write(Buffer.concat([PREFACE, settings]));
  const until = async (wanted: (frame: ReceivedFrame) => boolean): Promise<ReceivedFrame> => {
    for (;;) {
      const found = received.find(wanted);
      if (found !== undefined) return found;
      if (closed) throw new Error("The connection ended");
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return {
    received,
    send: (...frames) => void socket.write(Buffer.concat(frames)),
    until,
    goneAway: async () => {
      const { payload } = await until(({ type }) => type === FRAME.goAway);
      const code = readUint32(payload, 4);
      return Object.entries(ERROR).find(([, value]) => value === code)?.[0];
    },
    close: () => socket.destroy(),
  };
}

const SETTINGS: Buffer = frame({ type: FRAME.settings, flags: 0, id: 0 }, Buffer.alloc(0));

export function block(fields: readonly (readonly [string, string])[], encoder = new HpackEncoder()): Buffer {
  const list = fields.map(([name, value]) => new Field(name, value, "none"));
  const bytes = Buffer.alloc(HpackEncoder.bytesMax(list));
  return bytes.subarray(0, encoder.encode(list, bytes, 0));
}

/** A whole request, or its head alone where content is to follow. */
export function headers(id: number, fields: readonly (readonly [string, string])[] = REQUEST, end = true): Buffer {
  const flags = FLAG.endHeaders | (end ? FLAG.endStream : 0);
  return frame({ type: FRAME.headers, flags, id }, block(fields));
}

export const REQUEST: readonly (readonly [string, string])[] = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "web"],
];
