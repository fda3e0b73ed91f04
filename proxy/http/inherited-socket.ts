/**
 * A listening socket that outlives its process: opened by one, accepted from by another and by that one's successor.
 * `Bun.listen` takes no descriptor, so a listener of Bun's own gets the inherited socket in place of the one it opened:
 * under the same number (dup2(2)), and watched by the same loop with the same mark (epoll_ctl(2)).
 */
import { dlopen, FFIType } from "bun:ffi";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const EPOLL_CTL_ADD = 1;

/** What a loop watches a descriptor for, and the mark by which it knows it. */
export interface Watch {
  readonly events: number;
  readonly mark: bigint;
}

/**
 * From then on `own` accepts what comes to `inherited`, whose number is closed.
 * @throws Error when no loop of this process watches `own`, or the kernel refuses
 */
export function takeOver(own: number, inherited: number): void {
  const { i32, ptr } = FFIType;
  const libc = dlopen("libc.so.6", {
    dup2: { args: [i32, i32], returns: i32 },
    close: { args: [i32], returns: i32 },
    epoll_ctl: { args: [i32, i32, i32, ptr], returns: i32 },
  });
  const { loop, watch } = findLoop(own);
  // struct epoll_event, which is packed on x86-64 alone.
  const markAt = process.arch === "x64" ? 4 : 8;
  const event = Buffer.from(new ArrayBuffer(16));
  event.writeUInt32LE(watch.events, 0);
  event.writeBigUInt64LE(watch.mark, markAt);
  // The kernel forgets the replaced socket, and with it that it was watched.
  if (libc.symbols.dup2(inherited, own) !== own) throw new Error(`Descriptor ${inherited} is no open socket`);
  if (libc.symbols.epoll_ctl(loop, EPOLL_CTL_ADD, own, event) !== 0)
    throw new Error("The inherited socket cannot be watched");
  libc.symbols.close(inherited);
}

function findLoop(descriptor: number): { readonly loop: number; readonly watch: Watch } {
  for (const name of readdirSync("/proc/self/fd")) {
    const watch = isLoop(name)
      ? parseWatch(readFileSync(`/proc/self/fdinfo/${name}`, "latin1"), descriptor)
      : undefined;
    if (watch !== undefined) return { loop: Number(name), watch };
  }
  throw new Error("No event loop watches the listening socket");
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
