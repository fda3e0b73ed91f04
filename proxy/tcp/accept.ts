/** Connections that come to a listening socket (accept4(2)). */
import { ACCEPT_PAUSE_MS, ACCEPTS_MAX } from "../../core/limits.ts";
import type { EventLoop } from "./event-loop.ts";
import { EMFILE, ENFILE, ENOBUFS, ENOMEM, EPOLLIN, SOCK_CLOEXEC, SOCK_NONBLOCK } from "./libc.ts";

/** The process or its node has no room for another connection: it waits in the kernel until some are gone. */
const EXHAUSTED: ReadonlySet<number> = new Set([EMFILE, ENFILE, ENOBUFS, ENOMEM]);

/** Calls `accepted` with each connection's descriptor. The returned function ends that and closes the listener. */
export function acceptAll(loop: EventLoop, listener: number, accepted: (descriptor: number) => void): () => void {
  let pause: ReturnType<typeof setTimeout> | undefined;
  const rest = (): void => {
    loop.change(listener, 0);
    pause = setTimeout(() => loop.change(listener, EPOLLIN), ACCEPT_PAUSE_MS);
  };
  const ready = (): void => {
    for (let i = 0; i < ACCEPTS_MAX; i += 1) {
      const descriptor = loop.libc.accept4(listener, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (descriptor >= 0) accepted(descriptor);
      else if (EXHAUSTED.has(loop.libc.errno())) return rest();
      else return;
    }
  };
  loop.watch(listener, EPOLLIN, { ready });
  let stopped = false;
  return () => {
    if (stopped) return;
    stopped = true;
    clearTimeout(pause);
    loop.forget(listener);
    loop.libc.close(listener);
  };
}
