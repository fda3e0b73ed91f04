/**
 * The first process of a PID namespace inherits every orphan of it and must collect them, or they stay as zombies.
 * The runtime collects only its own children, so a child is looked at first and left to it when it is one of those.
 */
import { dlopen } from "bun:ffi";
import { REAP_INTERVAL_MS, REAP_PASS_MAX } from "../../core/limits.ts";

// <linux/wait.h> and <asm-generic/siginfo.h>
const P_ALL = 0;
const WNOHANG = 0x1;
const WEXITED = 0x4;
const WNOWAIT = 0x1000000;
const SIGINFO_BYTES = 128;
/** si_signo, si_errno, si_code and, on 64-bit machines, four bytes of padding come before si_pid. */
const SI_PID_INDEX = 4;

/** Collects orphans until the answer is called. @param isOwn tells the runtime's own children, which are left alone */
export function startReaper(isOwn: (pid: number) => boolean): () => void {
  const { symbols } = dlopen("libc.so.6", {
    waitid: { args: ["i32", "i32", "ptr", "i32"], returns: "i32" },
    waitpid: { args: ["i32", "ptr", "i32"], returns: "i32" },
  });
  // Views over explicit buffers: the storage of other typed arrays may move while foreign code holds its address.
  const info = new Int32Array(new ArrayBuffer(SIGINFO_BYTES));
  const status = new Int32Array(new ArrayBuffer(8));
  const reap = (): void => {
    for (let pass = 0; pass < REAP_PASS_MAX; pass += 1) {
      info.fill(0);
      if (symbols.waitid(P_ALL, 0, info, WEXITED | WNOHANG | WNOWAIT) !== 0) return;
      const pid = info[SI_PID_INDEX] ?? 0;
      if (pid === 0 || isOwn(pid)) return;
      symbols.waitpid(pid, status, WNOHANG);
    }
  };
  // An orphan behind a child that is not yet collected is met again by the timer.
  const timer = setInterval(reap, REAP_INTERVAL_MS);
  timer.unref();
  process.on("SIGCHLD", reap);
  return () => {
    clearInterval(timer);
    process.off("SIGCHLD", reap);
  };
}
