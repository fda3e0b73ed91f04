/**
 * Bun's event loop made to look at a descriptor of ours. Bun offers no call for that, so one of its sockets stands in: its
 * loop watches our descriptor with that socket's mark, and finds a byte to read there that we leave for it each time.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import {
  AF_UNIX,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLLIN,
  EVENT_DATA_WORD,
  EVENT_WORDS,
  type Libc,
  MSG_NOSIGNAL,
  STREAM_SOCKET,
} from "./libc.ts";

/** What a loop watches a descriptor for, and the mark by which it knows it. */
export interface Watch {
  readonly events: number;
  readonly mark: bigint;
}

export interface BunLoop {
  /** Whether the process stays alive for what we watch. */
  readonly hold: (wanted: boolean) => void;
}

/**
 * Calls `ready` whenever `descriptor` is readable, again and again until it is not.
 * Rejects when Bun's loop cannot be found, or the kernel refuses.
 */
export async function watchInBunLoop(libc: Libc, descriptor: number, ready: () => void): Promise<BunLoop> {
  const [bell, rope] = openPair(libc);
  const byte = new Uint8Array(new ArrayBuffer(1));
  const pull = (): void => {
    if (libc.send(rope, byte, 1, MSG_NOSIGNAL) !== 1) throw new Error("The event loop cannot be woken");
  };
  // A descriptor goes before a path (FdSocketOptions); the types of `connect` do not name it alone.
  const options = {
    fd: bell,
    unix: "",
    socket: {
      data: (): void => {
        pull();
        ready();
      },
    },
  };
  const socket = await Bun.connect(options);
  const { loop, watch } = findLoop(bell);
  const control = controlOf(libc, loop);
  control(EPOLL_CTL_DEL, bell, watch);
  control(EPOLL_CTL_ADD, descriptor, { events: EPOLLIN, mark: watch.mark });
  pull();
  return {
    hold: (wanted) => {
      if (wanted) socket.ref();
      else socket.unref();
    },
  };
}

function openPair(libc: Libc): readonly [number, number] {
  const pair = new Int32Array(new ArrayBuffer(8));
  if (libc.socketpair(AF_UNIX, STREAM_SOCKET, 0, pair) !== 0) throw new Error("The kernel gives no pair of sockets");
  const [bell = -1, rope = -1] = pair;
  return [bell, rope];
}

function controlOf(libc: Libc, loop: number) {
  const event = Buffer.from(new ArrayBuffer(4 * EVENT_WORDS));
  return (operation: number, descriptor: number, { events, mark }: Watch): void => {
    event.writeUInt32LE(events, 0);
    event.writeBigUInt64LE(mark, 4 * EVENT_DATA_WORD);
    if (libc.epoll_ctl(loop, operation, descriptor, event) !== 0)
      throw new Error(`Bun's event loop cannot watch descriptor ${descriptor}`);
  };
}

function findLoop(descriptor: number): { readonly loop: number; readonly watch: Watch } {
  for (const name of readdirSync("/proc/self/fd")) {
    const watch = isLoop(name)
      ? parseWatch(readFileSync(`/proc/self/fdinfo/${name}`, "latin1"), descriptor)
      : undefined;
    if (watch !== undefined) return { loop: Number(name), watch };
  }
  throw new Error(`No event loop watches descriptor ${descriptor}`);
}

function isLoop(name: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${name}`) === "anon_inode:[eventpoll]";
  } catch {
    // The descriptor by which the folder was read.
    return false;
  }
}

/** From the text of /proc/PID/fdinfo/FD of an epoll descriptor (Linux, Documentation/filesystems/proc.rst, 3.8). */
export function parseWatch(text: string, descriptor: number): Watch | undefined {
  const line = new RegExp(`^tfd: +${descriptor} events: +(?<events>[0-9a-f]+) data: +(?<mark>[0-9a-f]+)`, "m").exec(
    text,
  );
  const { events, mark } = line?.groups ?? {};
  if (events === undefined || mark === undefined) return undefined;
  return { events: Number.parseInt(events, 16), mark: BigInt(`0x${mark}`) };
}
