import { describe, expect, test } from "bun:test";
import { KubeError } from "../../../core/kube/types.ts";
import { createSpaces, type Spaces } from "../../../webhook/spaces.ts";
import { fakeKube, type FakeKube } from "./support/kube.ts";
import { until } from "./support/until.ts";

const LIST = "/api/v1/namespaces?labelSelector=azds.io%2Fspace%3Dtrue";

function space(name: string, parent?: string): { readonly metadata: object } {
  const labels = { "azds.io/space": "true", ...(parent === undefined ? {} : { "azds.io/parent-space": parent }) };
  return { metadata: { name, labels } };
}

async function following(kube: FakeKube): Promise<AsyncDisposable & { readonly spaces: Spaces }> {
  const stop = new AbortController();
  const spaces = createSpaces(kube.client);
  const done = spaces.follow(stop.signal);
  await until(spaces.synced);
  return {
    spaces,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await done;
    },
  };
}

async function ancestors(spaces: Spaces, name: string): Promise<readonly string[]> {
  const namespace = await spaces.find(name);
  return namespace === undefined ? [] : spaces.ancestorsOf(namespace);
}

describe("createSpaces()", () => {
  test("find() and ancestorsOf() answer from the watched list without asking", async () => {
    const kube = fakeKube({ lists: { [LIST]: [space("dev"), space("alice", "dev"), space("bob", "alice")] } });
    await using followed = await following(kube);
    expect(await ancestors(followed.spaces, "bob")).toEqual(["alice", "dev"]);
    expect(kube.calls).toEqual([]);
  });

  test("find() asks for a namespace that the watch has not told of yet, and ancestorsOf() for a parent", async () => {
    const objects = { "/api/v1/namespaces/new": space("new", "dev"), "/api/v1/namespaces/dev": space("dev") };
    const kube = fakeKube({ objects });
    await using followed = await following(kube);
    expect(await ancestors(followed.spaces, "new")).toEqual(["dev"]);
    expect(kube.calls.map((call) => call.path)).toEqual(Object.keys(objects));
  });

  test("find() rejects when the API server fails, and gives undefined for what does not exist", async () => {
    const kube = fakeKube({ objects: { "/api/v1/namespaces/x": new KubeError(500, "InternalError", "down") } });
    await using followed = await following(kube);
    expect(followed.spaces.find("x")).rejects.toThrow("down");
    expect(await followed.spaces.find("y")).toBeUndefined();
  });

  test("ancestorsOf() ends at a parent that is no space, at a missing one, and where a cycle closes", async () => {
    const kube = fakeKube({
      lists: { [LIST]: [space("a", "plain"), space("b", "gone"), space("c", "d"), space("d", "c"), space("e", "e")] },
      objects: { "/api/v1/namespaces/plain": { metadata: { name: "plain" } } },
    });
    await using followed = await following(kube);
    expect(await ancestors(followed.spaces, "a")).toEqual([]);
    expect(await ancestors(followed.spaces, "b")).toEqual([]);
    expect(await ancestors(followed.spaces, "c")).toEqual(["d"]);
    expect(await ancestors(followed.spaces, "e")).toEqual([]);
  });

  test("ancestorsOf() names at most 32", async () => {
    const chain = Array.from({ length: 40 }, (_, index) => space(`s${index}`, `s${index + 1}`));
    await using followed = await following(fakeKube({ lists: { [LIST]: chain } }));
    expect((await ancestors(followed.spaces, "s0")).length).toBe(32);
  });

  test("follow() replaces everything after a lost watch, at the end of the new list", async () => {
    const kube = fakeKube({ lists: { [LIST]: [space("old"), space("kept")] } });
    await using followed = await following(kube);
    kube.send(LIST, { type: "modified", object: space("kept", "old") });
    kube.send(LIST, { type: "reset" });
    kube.send(LIST, { type: "added", object: space("kept") });
    kube.send(LIST, { type: "added", object: space("new") });
    kube.send(LIST, { type: "deleted", object: space("new") });
    kube.send(LIST, { type: "synced" });
    await until(async () => (await followed.spaces.find("old")) === undefined);
    expect(await followed.spaces.find("kept")).toEqual({ name: "kept", labels: { "azds.io/space": "true" } });
    expect(await followed.spaces.find("new")).toBeUndefined();
  });
});
