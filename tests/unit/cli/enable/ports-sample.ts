/** The surroundings of enabling with a cluster in memory. */
import type { Cluster, Reviews } from "../../../../cli/cluster/cluster.ts";
import type { Answer, Event, Question } from "../../../../cli/engine/events.ts";
import { stepper } from "../../../../cli/engine/steps.ts";
import type { Ports } from "../../../../cli/enable/ports.ts";
import { systemClock } from "../../../../core/host/clock.ts";
import type { KubeClient } from "../../../../core/kube/types.ts";

export interface TestPorts extends Ports {
  readonly events: readonly Event[];
  readonly asked: readonly Question[];
}

interface TestOptions {
  /** By id of the question; without one: what holds when nobody can be asked. */
  readonly answers?: Readonly<Record<string, string | boolean>>;
  readonly reviews?: Partial<Reviews>;
}

export function testPorts(kube: KubeClient, options: TestOptions = {}): TestPorts {
  const events: Event[] = [];
  const asked: Question[] = [];
  const emit = (event: Event): void => void events.push(event);
  const reviews: Reviews = {
    allowed: async () => true,
    whoAmI: async () => ({ username: "admin", groups: [] }),
    version: async () => ({ major: 1, minor: 34, text: "v1.34.4" }),
    ...options.reviews,
  };
  const cluster: Cluster = { context: "test", kubeconfig: undefined, namespace: "default", kube, reviews };
  return {
    cluster,
    clock: systemClock,
    emit,
    ask: async <Q extends Question>(question: Q) => {
      asked.push(question);
      return (options.answers?.[question.id] ?? question.whenUnattended) as Answer<Q>;
    },
    step: stepper(emit, systemClock),
    signal: new AbortController().signal,
    events,
    asked,
  };
}
