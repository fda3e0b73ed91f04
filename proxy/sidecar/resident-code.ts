/**
 * A start runs some 30 MiB of the executable's code once: engine, parser, loader of bytecode, TLS handshake. All of it
 * would stay mapped and count for every sidecar of the node, although hardly a tenth is used by one that waits.
 */
import { dlopen, FFIType } from "bun:ffi";
import { readFileSync } from "node:fs";
import type { Clock } from "../../core/host/clock.ts";
import { CODE_KEPT_MS } from "../../core/limits.ts";

const MADV_DONTNEED = 4;

export interface Mapping {
  readonly start: number;
  readonly bytes: number;
}

/**
 * The returned function unmaps all code from this process. Nothing is lost: the pages stay in the node's page cache,
 * and what runs again is mapped again from there, sixteen pages in some microseconds.
 *
 * @throws Error when the C library cannot be opened
 */
export function openCodeRelease(): () => void {
  const libc = dlopen("libc.so.6", {
    madvise: { args: [FFIType.u64, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
  });
  const mappings = codeMappings(readFileSync("/proc/self/maps", "latin1"));
  // What the kernel refuses stays mapped: the process is larger then, and that is all.
  return () => mappings.forEach(({ start, bytes }) => libc.symbols.madvise(start, bytes, MADV_DONTNEED));
}

/**
 * Code mapped from files, in the text of /proc/self/maps (Linux, Documentation/filesystems/proc.rst). Only what can be
 * executed and not written: of such pages nobody holds a changed copy that would be lost. Constants do not qualify,
 * as data that is protected once it is written looks the same.
 */
export function codeMappings(maps: string): readonly Mapping[] {
  const lines = maps.matchAll(/^(?<from>[0-9a-f]+)-(?<to>[0-9a-f]+) r-xp \S+ \S+ \d+ +\//gm);
  return [...lines].map(({ groups }) => {
    const start = Number.parseInt(groups?.["from"] ?? "", 16);
    return { start, bytes: Number.parseInt(groups?.["to"] ?? "", 16) - start };
  });
}

/**
 * Calls `release` with the first of its own calls, and then again when CODE_KEPT_MS have gone by: what a burst of
 * requests has brought in (compilers, garbage collection) is released as well.
 */
export function atTimes(clock: Pick<Clock, "now">, release: () => void): () => void {
  let next = Number.NEGATIVE_INFINITY;
  return () => {
    const now = clock.now();
    if (now < next) return;
    next = now + CODE_KEPT_MS;
    release();
  };
}
