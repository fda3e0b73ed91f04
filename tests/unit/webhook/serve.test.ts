/** The whole webhook over real TLS, against a fake cluster. */
import { describe, expect, test } from "bun:test";
import { asArray, at } from "../../../core/parse.ts";
import type { Clock } from "../../../core/host/clock.ts";
import { ADMISSION_BODY_BYTES_MAX } from "../../../core/limits.ts";
import { startWebhook, type RunningWebhook } from "../../../webhook/serve.ts";
import { testCertificate, type TestCertificate } from "../../fakes/certificate.ts";
import { fakeKube, type FakeKube } from "./support/kube.ts";
import { settings } from "./support/settings.ts";
import { until } from "./support/until.ts";

const SECRETS = "/api/v1/namespaces/azds/secrets?fieldSelector=metadata.name%3Dazds-webhook-tls";
const CONFIG_MAPS = "/api/v1/namespaces/azds/configmaps?fieldSelector=metadata.name%3Dazds-ca";
const SERVICES = "/api/v1/namespaces/azds/services";
const SPACES = "/api/v1/namespaces?labelSelector=azds.io%2Fspace%3Dtrue";

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function secret({ cert, key }: TestCertificate): unknown {
  return { metadata: { name: "azds-webhook-tls" }, data: { "tls.crt": base64(cert), "tls.key": base64(key) } };
}

function service(name: string, clusterIP: string): unknown {
  return { metadata: { name }, spec: { clusterIP } };
}

const lists = {
  [CONFIG_MAPS]: [{ metadata: { name: "azds-ca" }, data: { "ca.crt": "PEM" } }],
  [SERVICES]: [service("azds-controller", "10.96.0.11"), service("azds-builder", "10.96.0.12")],
  [SPACES]: [{ metadata: { name: "alice", labels: { "azds.io/space": "true" } } }],
};

async function start(kube: FakeKube, clock?: Partial<Clock>): Promise<RunningWebhook> {
  return startWebhook({
    kube: kube.client,
    settings,
    ports: { admission: 0, health: 0 },
    clock: { now: () => 0, sleep: async () => Promise.resolve(), ...clock },
    log: () => {},
    onFailure: (error) => {
      throw error;
    },
  });
}

async function missing(webhook: RunningWebhook): Promise<unknown> {
  return at(await (await ready(webhook)).json(), "waitingFor");
}

async function ready(webhook: RunningWebhook): Promise<Response> {
  return fetch(`http://127.0.0.1:${webhook.ports.health}/readyz`);
}

async function post(webhook: RunningWebhook, path: string, body: string): Promise<Response> {
  return fetch(`https://localhost:${webhook.ports.admission}${path}`, {
    method: "POST",
    body,
    tls: { rejectUnauthorized: false },
  });
}

function review(object: unknown): string {
  const request = { uid: "u1", operation: "CREATE", namespace: "alice", userInfo: { username: "ann" }, object };
  return JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request });
}

const pod = { metadata: { name: "web" }, spec: { containers: [{ name: "web", image: "web:1" }] } };

describe("startWebhook()", () => {
  test("is ready when certificate, authority, Services and spaces are known, and says what is missing", async () => {
    const kube = fakeKube({ lists: { ...lists, [SERVICES]: [] } });
    await using webhook = await start(kube);
    await until(async () => asArray(await missing(webhook)).length === 3);
    expect(await missing(webhook)).toEqual(["certificate", "Service azds-controller", "Service azds-builder"]);
    kube.send(SERVICES, { type: "added", object: service("azds-controller", "10.96.0.11") });
    kube.send(SERVICES, { type: "added", object: service("azds-builder", "10.96.0.12") });
    kube.send(SECRETS, { type: "added", object: secret(await testCertificate()) });
    await until(async () => (await ready(webhook)).status === 200);
  });

  test("injects a pod, and writes an event only after a warning", async () => {
    const kube = fakeKube({ lists: { ...lists, [SECRETS]: [secret(await testCertificate())] } });
    await using webhook = await start(kube);
    await until(async () => (await ready(webhook)).ok);
    const answer: unknown = await (await post(webhook, "/pods", review(pod))).json();
    expect(at(answer, "response")).toMatchObject({ uid: "u1", allowed: true, patchType: "JSONPatch" });
    expect(kube.calls).toEqual([]);
    await post(webhook, "/pods", review({ ...pod, spec: { ...pod.spec, hostNetwork: true } }));
    await until(() => kube.calls.length > 0);
    expect(kube.calls[0]?.path).toBe("/api/v1/namespaces/alice/events");
  });

  test("records the creator of a space", async () => {
    const kube = fakeKube({ lists: { ...lists, [SECRETS]: [secret(await testCertificate())] } });
    await using webhook = await start(kube);
    await until(async () => (await ready(webhook)).ok);
    const namespace = { metadata: { name: "bob", labels: { "azds.io/space": "true" } } };
    const answer: unknown = await (await post(webhook, "/namespaces", review(namespace))).json();
    const patch = Buffer.from(String(at(answer, "response", "patch")), "base64").toString("utf8");
    expect(patch).toContain('"azds.io/creator":"ann"');
  });

  test("refuses garbage with 400, large bodies with 413, other paths with 404, and goes on", async () => {
    const kube = fakeKube({ lists: { ...lists, [SECRETS]: [secret(await testCertificate())] } });
    await using webhook = await start(kube);
    await until(async () => (await ready(webhook)).ok);
    expect((await post(webhook, "/pods", "garbage")).status).toBe(400);
    expect((await post(webhook, "/pods", "x".repeat(ADMISSION_BODY_BYTES_MAX + 1))).status).toBe(413);
    expect((await post(webhook, "/other", review(pod))).status).toBe(404);
    expect((await post(webhook, "/constructor", review(pod))).status).toBe(404);
    expect((await post(webhook, "/pods", review(pod))).status).toBe(200);
  });

  test("answers 500 when the namespace cannot be looked up, so that the API server lets the pod pass", async () => {
    const kube = fakeKube({
      lists: { ...lists, [SPACES]: [], [SECRETS]: [secret(await testCertificate())] },
      objects: { "/api/v1/namespaces/alice": new Error("down") },
    });
    await using webhook = await start(kube);
    await until(async () => (await ready(webhook)).ok);
    expect((await post(webhook, "/pods", review(pod))).status).toBe(500);
  });

  test("serves a renewed certificate to new connections", async () => {
    const [first, second] = [await testCertificate(), await testCertificate()];
    const kube = fakeKube({ lists: { ...lists, [SECRETS]: [secret(first)] } });
    await using webhook = await start(kube);
    await until(async () => (await ready(webhook)).ok);
    const trusts = async (ca: string): Promise<boolean> =>
      fetch(`https://localhost:${webhook.ports.admission}/`, { keepalive: false, tls: { ca } }).then(
        () => true,
        () => false,
      );
    expect(await trusts(first.cert)).toBe(true);
    kube.send(SECRETS, { type: "modified", object: secret(second) });
    await until(async () => trusts(second.cert));
  });

  test("is unready but still answers, with `connection: close`, while it drains", async () => {
    const { promise: drained, resolve: drain } = Promise.withResolvers<void>();
    const kube = fakeKube({ lists: { ...lists, [SECRETS]: [secret(await testCertificate())] } });
    const webhook = await start(kube, { sleep: async () => drained });
    await until(async () => (await ready(webhook)).ok);
    const stopped = webhook[Symbol.asyncDispose]();
    expect(await missing(webhook)).toEqual(["shutdown"]);
    const answer = await post(webhook, "/pods", review(pod));
    expect([answer.status, answer.headers.get("connection")]).toEqual([200, "close"]);
    drain();
    await stopped;
    expect(post(webhook, "/pods", review(pod))).rejects.toThrow();
  });
});
