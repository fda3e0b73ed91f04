/** Work that begins again while nothing but the way to the cluster fails: the API server or a builder restarts, a network is away. */
import { AzdsError, type ErrorCode } from "../../../core/errors.ts";
import type { Clock } from "../../../core/host/clock.ts";
import { KubeError } from "../../../core/kube/types.ts";
import { CUT_MS_MAX, CUT_RETRY_MS } from "../../../core/limits.ts";
import type { Emit } from "../events.ts";

const CUTS: ReadonlySet<ErrorCode> = new Set(["CLUSTER_UNREACHABLE", "CONNECTION_LOST", "BUILDER_UNAVAILABLE"]);

/** Says once that it tries again. @throws what `work` threw last, CUT_MS_MAX after the first cut */
export async function throughCuts<T>(
  work: () => Promise<T>,
  { emit, clock, signal }: { readonly emit: Emit; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<T> {
  let end: number | undefined;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || !isCut(error) || clock.now() > (end ?? Infinity)) throw error;
      if (end === undefined) emit({ type: "message", level: "warning", text: `${error.message}: trying again` });
      end ??= clock.now() + CUT_MS_MAX;
      await clock.sleep(CUT_RETRY_MS, signal);
    }
  }
}

function isCut(error: unknown): error is Error {
  if (error instanceof KubeError) return error.status === 429 || error.status >= 500;
  return error instanceof AzdsError && CUTS.has(error.code);
}
