import { describe, expect, test } from "bun:test";
import { AzdsError } from "../../../../core/errors.ts";
import { SESSION_STALE_MS } from "../../../../core/limits.ts";
import type { KubeClient } from "../../../../core/kube/types.ts";
import {
  type AcquireOptions,
  acquireSession,
  findSession,
  releaseSession,
  removeSession,
} from "../../../../cli/engine/session-store.ts";
import { manualClock } from "../../../fakes/clock.ts";
import { fakeKube } from "../../../fakes/kube.ts";

const KEY = { space: "alice", service: "web", release: "azds-web" };
const clock = manualClock();

function options(
  owner: string,
  more: {
    readonly pid?: number;
    readonly alive?: boolean;
    readonly takeOver?: boolean;
    readonly at?: AcquireOptions["clock"];
  } = {},
): AcquireOptions {
  const holder = { owner, pid: more.pid ?? 7, processAlive: () => more.alive ?? true };
  return { holder, takeOver: more.takeOver ?? false, clock: more.at ?? clock };
}

async function outcome(kube: KubeClient, wanted: AcquireOptions): Promise<string> {
  return acquireSession(kube, KEY, wanted).then(
    (session) => session.holder,
    (error: unknown) => (error instanceof AzdsError ? error.code : String(error)),
  );
}

describe("acquireSession()", () => {
  test("makes a record that is found again, with no build yet", async () => {
    const kube = fakeKube();
    const session = await acquireSession(kube, KEY, options("alice@laptop"));
    expect(session.id).toMatch(/^azds-[a-z0-9]{6}$/);
    expect(await findSession(kube, KEY)).toMatchObject({
      id: session.id,
      build: 0,
      holder: "alice@laptop/7",
      release: "azds-web",
    });
  });

  test("refuses somebody else, names the holder, and leaves it as it is", async () => {
    const kube = fakeKube();
    await acquireSession(kube, KEY, options("alice@laptop"));
    expect(await outcome(kube, options("bob@desk"))).toBe("SESSION_HELD");
    expect(acquireSession(kube, KEY, options("bob@desk"))).rejects.toThrow("held by `alice@laptop`");
    expect((await findSession(kube, KEY))?.owner).toBe("alice@laptop");
  });

  test.each([
    [
      "released",
      async (kube: KubeClient) => releaseSession(kube, await acquireSession(kube, KEY, options("alice@laptop"))),
      options("bob@desk"),
    ],
    [
      "asked to take over",
      async (kube: KubeClient) => acquireSession(kube, KEY, options("alice@laptop")),
      options("bob@desk", { takeOver: true }),
    ],
    [
      "its own process is dead",
      async (kube: KubeClient) => acquireSession(kube, KEY, options("bob@desk", { pid: 3 })),
      options("bob@desk", { alive: false }),
    ],
    [
      "the heartbeat is old",
      async (kube: KubeClient) => acquireSession(kube, KEY, options("alice@laptop")),
      options("bob@desk", { at: manualClock(clock.now() + SESSION_STALE_MS + 1) }),
    ],
  ])("takes a held one when %s", async (_case, before, wanted) => {
    const kube = fakeKube();
    await before(kube);
    expect(await outcome(kube, wanted)).toBe("bob@desk/7");
  });

  test("a living process of the same user keeps it", async () => {
    const kube = fakeKube();
    await acquireSession(kube, KEY, options("bob@desk", { pid: 3 }));
    expect(await outcome(kube, options("bob@desk"))).toBe("SESSION_HELD");
  });

  test("two at once end with one record and one holder", async () => {
    const kube = fakeKube();
    const outcomes = await Promise.all([outcome(kube, options("alice@laptop")), outcome(kube, options("bob@desk"))]);
    expect(outcomes.filter((each) => each === "SESSION_HELD")).toHaveLength(1);
    expect(await kube.list("/apis/coordination.k8s.io/v1/namespaces/alice/leases")).toHaveLength(1);
  });

  test("gives a new name after removal, so that no tag comes twice", async () => {
    const kube = fakeKube();
    const first = await acquireSession(kube, KEY, options("alice@laptop"));
    await removeSession(kube, first);
    const second = await acquireSession(kube, KEY, options("alice@laptop"));
    expect(second.id).not.toBe(first.id);
  });
});

test("releaseSession() leaves a session that was taken over to its new holder", async () => {
  const kube = fakeKube();
  const old = await acquireSession(kube, KEY, options("alice@laptop"));
  await acquireSession(kube, KEY, options("bob@desk", { takeOver: true }));
  await releaseSession(kube, old).catch(() => undefined);
  expect((await findSession(kube, KEY))?.holder).toBe("bob@desk/7");
});
