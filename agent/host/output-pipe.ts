/**
 * The pipe that an application writes into. Pipes of the runtime's own are sockets, which cannot be opened by a name
 * (`/dev/stdout`, to which images link their log files) and hold less.
 */
import { dlopen } from "bun:ffi";
import { closeSync } from "node:fs";
import { OUTPUT_GATHER_BYTES, OUTPUT_GATHER_MS, OUTPUT_PIPE_BYTES } from "../../core/limits.ts";

// <asm-generic/fcntl.h>, <linux/fcntl.h> and <asm-generic/ioctls.h>
const O_CLOEXEC = 0o2000000;
const F_SETPIPE_SZ = 1031;
const FIONREAD = 0x541b;

export interface OutputPipe {
  /** For the process; closed here by `closeWriter` once the process has it. */
  readonly writer: number;
  readonly closeWriter: () => void;
  /** Resolves when all writers are gone, or after `close`. The next chunk is read when `take` has resolved. */
  readonly read: (take: (bytes: Uint8Array) => Promise<void>) => Promise<void>;
  /** Resolves when what the process wrote before has been taken. */
  readonly taken: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const { symbols: libc } = dlopen("libc.so.6", {
  pipe2: { args: ["ptr", "i32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
});

/** @throws Error when no descriptor is left */
export function openOutputPipe(): OutputPipe {
  const { reader, writer, gathers } = createPipe();
  const stream = Bun.file(reader).stream().getReader();
  let [bytes, awaits, over] = [0, false, false];
  const read: OutputPipe["read"] = async (take) => {
    try {
      for (;;) {
        awaits = true;
        const next = await stream.read();
        awaits = false;
        if (next.done) return;
        await take(next.value);
        bytes += next.value.length;
        // A program that writes line by line would wake us for each: the pipe gathers them meanwhile.
        if (gathers && next.value.length < OUTPUT_GATHER_BYTES) await Bun.sleep(OUTPUT_GATHER_MS);
      }
    } finally {
      over = true;
      closeSync(reader);
    }
  };
  // The pipe's content, and as much read ahead of it: beyond that descendants write. What the runtime has read ahead it
  // gives at once, before a timer: with an empty pipe, who still waits then has taken all.
  const isTaken = (enough: number): boolean => over || bytes >= enough || (awaits && bytesIn(reader) === 0);
  const taken = async (): Promise<void> => {
    const enough = bytes + 2 * OUTPUT_PIPE_BYTES;
    do await Bun.sleep(OUTPUT_GATHER_MS);
    while (!isTaken(enough));
  };
  return { writer, closeWriter: () => closeSync(writer), read, taken, close: () => stream.cancel() };
}

interface Pipe {
  readonly reader: number;
  readonly writer: number;
  /** There is room for what comes while nobody reads. */
  readonly gathers: boolean;
}

function createPipe(): Pipe {
  // A view over an explicit buffer: the storage of other typed arrays may move while foreign code holds its address.
  const ends = new Int32Array(new ArrayBuffer(8));
  if (libc.pipe2(ends, O_CLOEXEC) !== 0) throw new Error("No pipe can be opened for the application's output");
  const [reader = -1, writer = -1] = ends;
  // Refused where the pipes of the user, on the whole node, hold too much already (pipe(7), pipe-user-pages-soft). Such
  // a pipe may hold two pages only: it would be full at once, and the process would wait for us most of the time.
  const gathers = libc.fcntl(writer, F_SETPIPE_SZ, OUTPUT_PIPE_BYTES) >= OUTPUT_PIPE_BYTES;
  return { reader, writer, gathers };
}

function bytesIn(pipe: number): number {
  const count = new Int32Array(new ArrayBuffer(8));
  return libc.ioctl(pipe, FIONREAD, count) === 0 ? (count[0] ?? 0) : 0;
}
