import { dlopen, FFIType } from "bun:ffi";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { waitFor } from "./wait.ts";

const LOCK_EX_NB = 2 | 4; // LOCK_EX | LOCK_NB, flock(2)

/** Runs a task while holding an exclusive lock on a file. The kernel frees the lock when the process ends, however it ends. */
export async function withLock<T>(
  lock: { readonly file: string; readonly limitMs: number; readonly onWait: () => void },
  task: () => Promise<T>,
): Promise<T> {
  mkdirSync(dirname(lock.file), { recursive: true });
  const libc = dlopen("libc.so.6", { flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 } });
  const descriptor = openSync(lock.file, "w");
  const take = (): true | undefined => (libc.symbols.flock(descriptor, LOCK_EX_NB) === 0 ? true : undefined);
  try {
    if (take() === undefined) {
      lock.onWait();
      await waitFor({ what: `the lock \`${lock.file}\``, limitMs: lock.limitMs, check: async () => take() });
    }
    return await task();
  } finally {
    closeSync(descriptor);
  }
}
