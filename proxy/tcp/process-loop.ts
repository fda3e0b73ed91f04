import { EventLoop } from "./event-loop.ts";

/** State of a module, where there is none elsewhere: a process has one loop, which begins with its first socket. */
let loop: EventLoop | undefined;

export function eventLoop(): EventLoop {
  loop ??= new EventLoop();
  return loop;
}
