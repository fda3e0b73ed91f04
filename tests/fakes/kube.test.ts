import { expect, test } from "bun:test";
import { KubeError, type WatchEvent } from "../../core/kube/types.ts";
import { at } from "../../core/parse.ts";
import { settle } from "./clock.ts";
import { fakeKube } from "./kube.ts";

const PODS = "/api/v1/namespaces/dev/pods";

async function failure(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => (error instanceof KubeError ? [error.status, error.reason] : error),
  );
}

test("fakeKube: POST makes an object with identity, and answers 409 when it is there", async () => {
  const kube = fakeKube();
  const made = await kube.request({ method: "POST", path: PODS, body: { metadata: { name: "a" } } });
  expect(at(made, "metadata")).toMatchObject({ name: "a", namespace: "dev", resourceVersion: "1", uid: "uid-1" });
  expect(await failure(kube.request({ method: "POST", path: PODS, body: { metadata: { name: "a" } } }))).toEqual([
    409,
    "AlreadyExists",
  ]);
});

test("fakeKube: PUT and DELETE answer 409 to an old version and 404 to what is missing", async () => {
  const kube = fakeKube();
  kube.put(`${PODS}/a`, {});
  const old = { metadata: { name: "a", resourceVersion: "1" } };
  await kube.request({ method: "PUT", path: `${PODS}/a`, body: old });
  expect(await failure(kube.request({ method: "PUT", path: `${PODS}/a`, body: old }))).toEqual([409, "Conflict"]);
  const preconditions = { resourceVersion: "1" };
  expect(await failure(kube.request({ method: "DELETE", path: `${PODS}/a`, body: { preconditions } }))).toEqual([
    409,
    "Conflict",
  ]);
  expect(await failure(kube.request({ method: "PUT", path: `${PODS}/b`, body: {} }))).toEqual([404, "NotFound"]);
  expect(await kube.find(`${PODS}/b`)).toBeUndefined();
  expect([await kube.remove(`${PODS}/a`), await kube.remove(`${PODS}/a`)]).toEqual([true, false]);
});

test("fakeKube: JSON Patch tests before it changes", async () => {
  const kube = fakeKube();
  kube.put(`${PODS}/a`, { list: [{ name: "x" }] });
  const patch = async (name: string): Promise<unknown> =>
    kube.request({
      method: "PATCH",
      path: `${PODS}/a`,
      contentType: "application/json-patch+json",
      body: [
        { op: "test", path: "/list/0/name", value: name },
        { op: "add", path: "/list/0/a~1b", value: 1 },
      ],
    });
  expect(await failure(patch("y"))).toEqual([422, "Invalid"]);
  expect(at(await patch("x"), "list")).toEqual([{ name: "x", "a/b": 1 }]);
});

test("fakeKube: lists over all namespaces and by selectors", async () => {
  const kube = fakeKube();
  kube.put(`${PODS}/a`, { metadata: { labels: { app: "a" } } });
  kube.put("/api/v1/namespaces/other/pods/b", { metadata: { labels: { app: "b" } }, type: "x" });
  const names = async (path: string): Promise<unknown> =>
    (await kube.list(path)).map((object) => at(object, "metadata", "name"));
  expect(await names(PODS)).toEqual(["a"]);
  expect(await names("/api/v1/pods")).toEqual(["a", "b"]);
  expect(await names("/api/v1/pods?labelSelector=app%3Db")).toEqual(["b"]);
  expect(await names("/api/v1/pods?labelSelector=app&fieldSelector=type%3Dx")).toEqual(["b"]);
});

test("fakeKube: a watch lists, follows, and sees an object leave its selection as deleted", async () => {
  const kube = fakeKube();
  const stop = new AbortController();
  const events: WatchEvent[] = [];
  kube.put(`${PODS}/a`, { metadata: { labels: { app: "a" } } });
  const done = (async () => {
    for await (const event of kube.watch("/api/v1/pods?labelSelector=app", stop.signal)) events.push(event);
  })();
  await settle();
  await kube.apply(`${PODS}/a`, { metadata: { labels: { app: "b" } } });
  kube.put(`${PODS}/a`, {});
  await settle();
  stop.abort();
  await done;
  expect(events.map((event) => event.type)).toEqual(["reset", "added", "synced", "modified", "deleted"]);
});
