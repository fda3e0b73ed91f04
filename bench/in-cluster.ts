/**
 * What runs in a container, asked through the API server's proxy of its Service: that path stays whatever pods come and
 * go, and is the same for everything compared. tests/projects/inner-loop/node answers these questions.
 */
import { dlopen } from "bun:ffi";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { KubeClient } from "../core/kube/types.ts";

/** A Service whose port 80 leads to the application. */
export interface Served {
  readonly kube: KubeClient;
  readonly namespace: string;
  readonly service: string;
}

/** Files below the folder of the application, all of one size, which none of them has before. */
export interface ExpectedFiles {
  readonly paths: readonly string[];
  readonly size: number;
}

const CLOCK_MONOTONIC = 1;
const libc = dlopen("libc.so.6", { clock_gettime: { args: ["int", "ptr"], returns: "int" } });
/** Seconds and nanoseconds, as the call fills them in. */
const timespec = new BigInt64Array(2);

const ASK_MS_MAX = 120_000;
/** Between two questions; they share two cores with what they wait for. */
const ASK_AGAIN_MS = 1;
/** How far apart two readings of the machine's monotonic clock may be that one request lies between. */
const CLOCK_MS_MAX = 1000;

export async function ask({ kube, namespace, service }: Served, path: string, body?: unknown): Promise<string> {
  const proxy = `/api/v1/namespaces/${namespace}/services/${service}:80/proxy${path}`;
  const request = body === undefined ? ({ method: "GET" } as const) : ({ method: "POST", body } as const);
  const answer = await kube.stream({ ...request, path: proxy, timeoutMs: ASK_MS_MAX });
  return new Response(answer).text();
}

/** Milliseconds from `save` until the answer at `path` is `text`. Answers without success are no answers. */
export async function timeToServed(
  served: Served,
  { path, text, limitMs = ASK_MS_MAX }: { readonly path: string; readonly text: string; readonly limitMs?: number },
  save: () => void,
): Promise<number> {
  const started = performance.now();
  save();
  let last = "";
  while (performance.now() - started < limitMs) {
    try {
      last = await ask(served, path);
    } catch (error) {
      last = String(error);
    }
    if (last.trim() === text) return performance.now() - started;
    await Bun.sleep(ASK_AGAIN_MS);
  }
  throw new Error(
    `${served.namespace}/${served.service}${path} was not \`${text}\` within ${limitMs} ms but \`${last}\``,
  );
}

/**
 * Milliseconds from `save` until the files are whole in the container. A program there looks at them every millisecond
 * and notes the time of the clock that all processes of this machine share, so nothing of the way back is in it.
 */
export async function timeToBytes(
  served: Served,
  files: ExpectedFiles,
  save: () => void | Promise<void>,
): Promise<number> {
  const id = crypto.randomUUID();
  await ask(served, "/watch", { id, ...files });
  try {
    const started = monotonic();
    await save();
    const seen = BigInt(await ask(served, "/seen", { id }));
    return Number(seen - started) / 1e6;
  } catch (error) {
    await ask(served, "/forget", { id }).catch(() => undefined);
    throw error;
  }
}

/** After a measurement, for it trusts sizes. */
export async function requireSameBytes(served: Served, folder: string, paths: readonly string[]): Promise<void> {
  const hash = createHash("sha256");
  for (const path of paths) hash.update(readFileSync(join(folder, path)));
  const there = await ask(served, "/digest", { paths });
  if (there !== hash.digest("hex")) throw new Error(`Files differ in ${served.namespace}: ${paths[0] ?? ""}…`);
}

/** The measurement above holds on one machine only. */
export async function requireSharedClock(served: Served): Promise<void> {
  const before = monotonic();
  const there = BigInt(await ask(served, "/clock"));
  const after = monotonic();
  if (there < before || there > after || after - before > BigInt(CLOCK_MS_MAX) * 1_000_000n)
    throw new Error("The container's clock is not this machine's");
}

/** Nanoseconds of CLOCK_MONOTONIC, which is Node's `hrtime`; Bun's begins with its process (clock_gettime(2)). */
function monotonic(): bigint {
  libc.symbols.clock_gettime(CLOCK_MONOTONIC, timespec);
  return (timespec[0] ?? 0n) * 1_000_000_000n + (timespec[1] ?? 0n);
}
