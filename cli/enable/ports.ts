/** What the steps of enabling and disabling work with. */
import type { Clock } from "../../core/host/clock.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Context } from "../context.ts";
import type { Ask, Emit } from "../engine/events.ts";
import { stepper, type Step } from "../engine/steps.ts";

export interface Ports {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly ask: Ask;
  readonly step: Step;
  readonly signal: AbortSignal;
}

export function portsOf({ host, emit, ask, signal }: Context, cluster: Cluster): Ports {
  return { cluster, clock: host.clock, emit, ask, step: stepper(emit, host.clock), signal };
}
