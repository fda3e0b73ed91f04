import { afterEach, expect, test } from "bun:test";
import { mayTake, observe, takePart } from "../../../controller/leader.ts";
import { KubeError, type KubeRequest } from "../../../core/kube/types.ts";
import { LEADER_LEASE_MS, LEADER_RENEW_MS_MAX, LEADER_RETRY_MS } from "../../../core/limits.ts";
import { at } from "../../../core/parse.ts";
import { manualClock, settle, type ManualClock } from "../../fakes/clock.ts";
import { fakeKube, type FakeKube, type FakeKubeOptions } from "../../fakes/kube.ts";

const PATH = "/apis/coordination.k8s.io/v1/namespaces/azds/leases/azds-controller";

interface Candidate {
  leading: boolean;
  terms: number;
  readonly stop: () => Promise<void>;
}

interface World {
  readonly clock: ManualClock;
  readonly kube: FakeKube;
  readonly join: (identity: string, kube?: FakeKube) => Candidate;
}

const candidates: Candidate[] = [];
afterEach(async () => {
  await Promise.all(candidates.splice(0).map(async (candidate) => candidate.stop()));
});

function world(options: FakeKubeOptions = {}): World {
  const clock = manualClock();
  const kube = fakeKube(options);
  const join: World["join"] = (identity, own = kube) => {
    const signal = new AbortController();
    const candidate: Candidate = {
      leading: false,
      terms: 0,
      stop: async () => {
        signal.abort();
        await done;
      },
    };
    const lead = async (term: AbortSignal): Promise<void> => {
      candidate.leading = true;
      candidate.terms += 1;
      await new Promise<void>((resolve) => {
        term.addEventListener("abort", () => resolve(), { once: true });
      });
      candidate.leading = false;
    };
    const done = takePart({ kube: own, clock, log: () => undefined, identity, random: () => 0.5, lead }, signal.signal);
    candidates.push(candidate);
    return candidate;
  };
  return { clock, kube, join };
}

function holder(kube: FakeKube): unknown {
  return at(kube.get(PATH), "spec", "holderIdentity");
}

test("takePart() makes one of two candidates the leader, at once, and keeps it", async () => {
  const { clock, kube, join } = world();
  const both = [join("a"), join("b")];
  await settle();
  expect(both.filter((candidate) => candidate.leading)).toHaveLength(1);
  const first = holder(kube);
  for (let step = 0; step < 30; step += 1) {
    await clock.advance(LEADER_RETRY_MS);
    expect(both.filter((candidate) => candidate.leading)).toHaveLength(1);
  }
  expect(holder(kube)).toBe(first);
});

test("A leader that stops gives the Lease back, and the next takes it on its next attempt", async () => {
  const { clock, kube, join } = world();
  const first = join("a");
  await settle();
  const second = join("b");
  await first.stop();
  expect([first.leading, holder(kube)]).toEqual([false, ""]);
  await clock.advance(LEADER_RETRY_MS);
  expect([second.leading, holder(kube)]).toEqual([true, "b"]);
  expect(at(kube.get(PATH), "spec", "leaseTransitions")).toBe(1);
});

test("A Lease of a leader that vanished is taken when it has not changed for its duration, and not before", async () => {
  const { clock, kube, join } = world();
  // Far in the future by the vanished leader's clock: that must not matter.
  kube.put(PATH, { spec: { holderIdentity: "gone", renewTime: "2036-01-01T00:00:00.000000Z", leaseTransitions: 3 } });
  const candidate = join("b");
  await clock.advance(LEADER_LEASE_MS - 1);
  expect(candidate.leading).toBe(false);
  await clock.advance(LEADER_RETRY_MS);
  expect(candidate.leading).toBe(true);
  expect(at(kube.get(PATH), "spec", "leaseTransitions")).toBe(4);
});

test("A leader that cannot renew steps down before another may take over, and leads again later", async () => {
  let broken = false;
  const { clock, join } = world({
    answer: (call: KubeRequest) => {
      if (broken && call.method === "PUT") throw new KubeError(503, "ServiceUnavailable", "away");
      return undefined;
    },
  });
  const candidate = join("a");
  await settle();
  broken = true;
  await clock.advance(LEADER_RENEW_MS_MAX - LEADER_RETRY_MS);
  expect(candidate.leading).toBe(true);
  await clock.advance(2 * LEADER_RETRY_MS);
  expect(candidate.leading).toBe(false);
  broken = false;
  await clock.advance(LEADER_RETRY_MS);
  expect([candidate.leading, candidate.terms]).toEqual([true, 2]);
});

test("A leader whose Lease was taken steps down at its next renewal", async () => {
  const { clock, kube, join } = world();
  const candidate = join("a");
  await settle();
  kube.put(PATH, { spec: { holderIdentity: "thief" } });
  await clock.advance(LEADER_RETRY_MS);
  expect([candidate.leading, holder(kube)]).toEqual([false, "thief"]);
});

function lease(version: string, name: string): object {
  return {
    metadata: { resourceVersion: version },
    spec: { holderIdentity: name },
  };
}

test("observe() counts the time since the Lease was last seen to change; mayTake() is true for a free or own Lease", () => {
  const seen = observe(undefined, lease("1", "a"), 0);
  expect(observe(seen, lease("1", "a"), 10_000).since).toBe(0);
  expect(observe(seen, lease("2", "a"), 10_000).since).toBe(10_000);
  expect(mayTake(seen, "b", LEADER_LEASE_MS - 1)).toBe(false);
  expect(mayTake(seen, "b", LEADER_LEASE_MS)).toBe(true);
  expect(mayTake(seen, "a", 0)).toBe(true);
  expect(mayTake(observe(undefined, lease("1", ""), 0), "b", 0)).toBe(true);
});
