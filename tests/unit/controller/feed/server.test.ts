import { afterEach, expect, test } from "bun:test";
import { connect, type TLSSocket } from "node:tls";
import { issueServer, makeAuthority } from "../../../../controller/certificates/pki.ts";
import { FeedHub } from "../../../../controller/feed/hub.ts";
import { serveFeed, type FeedServer } from "../../../../controller/feed/server.ts";
import type { ToldRedirect } from "../../../../controller/redirect-events.ts";
import { RouteIndex } from "../../../../controller/index/route-index.ts";
import { FEED_BACKLOG_BYTES_MAX, FEED_TICK_MS } from "../../../../core/limits.ts";
import { at } from "../../../../core/parse.ts";
import { REDIRECT_NOTE_PATH } from "../../../../core/redirect-protocol.ts";
import { FEED_PATH, type FeedMessage } from "../../../../core/route-table.ts";
import { service, space } from "../objects.ts";

const authority = await makeAuthority(Date.now());
const certificate = await issueServer(authority, ["localhost"], Date.now());

/** What the token review would say of each token. */
const USERS: Readonly<Record<string, string>> = {
  alice: "system:serviceaccount:alice:default",
  kube: "system:serviceaccount:kube-system:default",
  person: "alice@example.com",
};

interface Setup {
  readonly told: readonly ToldRedirect[];
  readonly index: RouteIndex;
  readonly feed: FeedServer;
  readonly sync: () => void;
}

const running: FeedServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map(async (feed) => feed.close()));
});

async function setUp(): Promise<Setup> {
  const index = new RouteIndex();
  index.apply("namespaces", { type: "added", object: space("dev") });
  index.apply("namespaces", { type: "added", object: space("alice", { parent: "dev" }) });
  index.apply("services", { type: "added", object: service("dev", "web") });
  const synced = Promise.withResolvers<void>();
  const told: ToldRedirect[] = [];
  const feed = await serveFeed({
    port: 0,
    hub: new FeedHub(index, "replica-1"),
    review: async (token) => {
      if (token === "down") throw new Error("The API server is away");
      const name = USERS[token];
      const pod = { name: `${token}-pod`, uid: "9f0c" };
      return Promise.resolve(name === undefined ? undefined : { name, ...(token === "alice" ? { pod } : {}) });
    },
    onRedirect: (one) => told.push(one),
    synced: synced.promise,
    log: () => undefined,
  });
  feed.reload(certificate);
  running.push(feed);
  return { told, index, feed, sync: synced.resolve };
}

async function request(feed: FeedServer, token: string | undefined, path = FEED_PATH): Promise<Response> {
  return fetch(`https://localhost:${feed.port}${path}`, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    tls: { ca: authority.cert },
  });
}

/** Messages as they arrive; ends with the answer. */
async function* messages(response: Response): AsyncGenerator<FeedMessage> {
  let rest = "";
  for await (const bytes of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    const lines = (rest + new TextDecoder().decode(bytes)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line) as FeedMessage;
  }
}

test("The feed answers a sidecar's token with the snapshot of its tree, then with changes", async () => {
  const { index, feed, sync } = await setUp();
  sync();
  const response = await request(feed, "alice");
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/x-ndjson"]);
  const stream = messages(response);
  const snapshot = (await stream.next()).value as FeedMessage;
  expect(snapshot).toMatchObject({ type: "snapshot", services: [{ namespace: "dev", name: "web" }] });
  index.apply("services", { type: "added", object: service("alice", "web") });
  index.apply("services", { type: "deleted", object: service("dev", "web") });
  feed.changed();
  expect((await stream.next()).value).toMatchObject({ type: "removed", key: "dev/web" });
  expect((await stream.next()).value).toMatchObject({ type: "service", service: { namespace: "alice", name: "web" } });
});

test.each([
  ["no token", undefined, FEED_PATH, 401],
  ["a token that is not valid", "unknown", FEED_PATH, 401],
  ["a user that is no service account", "person", FEED_PATH, 403],
  ["a namespace that is no space", "kube", FEED_PATH, 404],
  ["another path", "alice", "/v1/hosts", 404],
  ["a token that cannot be checked", "down", FEED_PATH, 503],
])("The feed refuses %s and says so", async (...[, token, path, status]) => {
  const { feed, sync } = await setUp();
  sync();
  const response = await request(feed, token, path);
  expect(response.status).toBe(status);
  const refusal: unknown = await response.json();
  expect(at(refusal, "status")).toBe(status);
  expect(at(refusal, "message")).toMatch(/^[A-Z`].*[^.]$/);
});

test("The feed waits for the first lists instead of sending an empty snapshot", async () => {
  const { feed, sync } = await setUp();
  let answered = false;
  const response = request(feed, "alice").then((value) => {
    answered = true;
    return value;
  });
  await Bun.sleep(50);
  expect(answered).toBe(false);
  sync();
  expect((await response).status).toBe(200);
});

test("The feed ends when the namespace stops being a space", async () => {
  const { index, feed, sync } = await setUp();
  sync();
  const stream = messages(await request(feed, "alice"));
  await stream.next();
  index.apply("namespaces", { type: "deleted", object: space("alice") });
  feed.changed();
  expect((await stream.next()).done).toBe(true);
});

test("The feed cuts off a client that does not read, and goes on serving others", async () => {
  const { index, feed, sync } = await setUp();
  sync();
  const slow = await stalled(feed.port);
  const closed = new Promise<void>((resolve) => {
    slow.once("close", () => resolve());
  });
  // Two fill what the kernel buffers, the others what the feed may hold back.
  for (let round = 0; round < 6; round += 1) {
    const clusterIPs = [`${round}`.repeat(FEED_BACKLOG_BYTES_MAX / 2)];
    index.apply("services", { type: "modified", object: service("dev", "web", { clusterIPs }) });
    feed.changed();
    await Bun.sleep(2 * FEED_TICK_MS);
  }
  slow.resume();
  await closed;
  expect((await messages(await request(feed, "alice")).next()).value).toMatchObject({ type: "snapshot" });
});

/** Has asked for the feed and reads no more of the answer. */
async function stalled(port: number): Promise<TLSSocket> {
  const socket = connect({ port, host: "127.0.0.1", servername: "localhost", ca: authority.cert });
  await new Promise<void>((resolve) => {
    socket.once("data", () => resolve());
    socket.write(`GET ${FEED_PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer alice\r\n\r\n`);
  });
  socket.pause();
  socket.on("error", () => undefined);
  return socket;
}

test("close() ends every feed", async () => {
  const { feed, sync } = await setUp();
  sync();
  const stream = messages(await request(feed, "alice"));
  await stream.next();
  await feed.close();
  expect((await stream.next()).done).toBe(true);
});

test.each([
  ["of the pod that the token is bound to is passed on", "alice", '{"redirected":false,"reason":"no builder"}', 204],
  ["of a token without a pod is refused", "kube", '{"redirected":false}', 403],
  ["that is none is refused", "alice", "[]", 400],
])("A note %s", async (...[, token, body, status]) => {
  const { feed, told } = await setUp();
  const response = await fetch(`https://localhost:${feed.port}${REDIRECT_NOTE_PATH}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body,
    tls: { ca: authority.cert },
  });
  expect(response.status).toBe(status);
  const note = { redirected: false, reason: "no builder" };
  const pod = { name: "alice-pod", uid: "9f0c" };
  expect(told).toEqual(status === 204 ? [{ namespace: "alice", pod, note }] : []);
});
