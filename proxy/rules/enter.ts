/** Works in another network namespace: setns(2). */
import { dlopen, FFIType } from "bun:ffi";
import { openSync } from "node:fs";

const CLONE_NEWNET = 0x4000_0000;

/** Runs `work` in the network of the namespace that the descriptor names. */
export type InNetwork = <T>(namespace: number, work: () => T) => T;

/**
 * Needs SYS_ADMIN. The namespace is that of a thread, and this one runs nothing else meanwhile: `work` is synchronous,
 * and what it opens stays in that network. A thread that cannot come back must not go on, so the process ends.
 *
 * @throws Error when the C library or the own namespace cannot be opened
 */
export function openInNetwork(): InNetwork {
  const libc = dlopen("libc.so.6", { setns: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 } });
  const own = openSync("/proc/thread-self/ns/net", "r");
  return (namespace, work) => {
    if (libc.symbols.setns(namespace, CLONE_NEWNET) !== 0)
      throw new Error("The network of the pod cannot be entered: SYS_ADMIN is missing");
    try {
      return work();
    } finally {
      // oxlint-disable-next-line unicorn/no-process-exit -- Anything else this thread did would happen in the pod's network.
      if (libc.symbols.setns(own, CLONE_NEWNET) !== 0) process.exit(1);
    }
  };
}
