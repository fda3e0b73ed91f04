/** `/probe/<n>`: a probe made in the kubelet's place, and who answers it when the application does not. */
import type { ProbeAnswer } from "../../core/agent-protocol.ts";
import { systemClock } from "../../core/host/clock.ts";
import { PROBE_RESERVE_MS } from "../../core/limits.ts";
import type { ProbeSpec } from "../../core/sidecar-config.ts";
import { Dial } from "../tcp/dial.ts";
import { Wire } from "../tcp/wire.ts";
import { checkHttp } from "./http-probe.ts";

export interface Verdict {
  /** Answer to the kubelet: 200, or the status by which the application failed, or 503. */
  readonly status: number;
  readonly text: string;
}

export interface ProbeTarget {
  readonly address: string;
  readonly port: number;
  /** Ends the probe as failed. */
  readonly signal: AbortSignal;
}

export interface ProbeOptions {
  /** What the kubelet would have dialled. */
  readonly address: string;
  /** `undefined` where there is no answer; settles within AGENT_ANSWER_MS_MAX and never rejects. */
  readonly askAgent: () => Promise<ProbeAnswer | undefined>;
}

/**
 * The application has the kubelet's whole patience. The agent is asked when it has failed, or shortly before the end:
 * by then it hangs, as under a debugger.
 */
export async function makeProbe(spec: ProbeSpec, { address, askAgent }: ProbeOptions): Promise<Verdict> {
  const application = check(spec, address);
  if (!spec.agent) return application;
  const early = await within(Math.max(0, spec.timeoutMs - PROBE_RESERVE_MS), application);
  if (early?.status === 200) return early;
  const answer = await askAgent();
  return answer?.answer === true ? { status: 200, text: `azds answers: ${answer.why}\n` } : application;
}

/** Never rejects, and settles within the probe's time. */
async function check(spec: ProbeSpec, address: string): Promise<Verdict> {
  const { port, http, grpc, timeoutMs } = spec;
  const target = { address, port, signal: AbortSignal.timeout(timeoutMs) };
  if (http !== undefined) return checkHttp(http, target);
  if (grpc !== undefined) return (await import("./grpc-probe.ts")).checkGrpc(grpc, target);
  return (await accepts(address, port, timeoutMs))
    ? { status: 200, text: "ok\n" }
    : { status: 503, text: `Port ${port} accepts no connections\n` };
}

async function accepts(address: string, port: number, timeoutMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const dial = new Dial({ address, port });
  dial.whenSettled((outcome) => resolve(outcome instanceof Wire));
  const accepted = await within(timeoutMs, promise);
  dial.abandon();
  return accepted === true;
}

/** What `work` gives, or `undefined` after `ms` without it. */
async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  const enough = new AbortController();
  const patience = systemClock.sleep(ms, enough.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    return await Promise.race([work, patience]);
  } finally {
    enough.abort();
  }
}
