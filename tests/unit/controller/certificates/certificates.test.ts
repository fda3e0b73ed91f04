import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { ensureCertificates, trustAuthority } from "../../../../controller/certificates/certificates.ts";
import { TLS_KEYS, certificateOfSecret, type Certificate } from "../../../../core/host/certificate.ts";
import type { KubeRequest } from "../../../../core/kube/types.ts";
import { CERTIFICATE_AUTHORITY_DAYS, CERTIFICATE_DAYS } from "../../../../core/limits.ts";
import { at } from "../../../../core/parse.ts";
import { fakeKube, type FakeKube } from "../../../fakes/kube.ts";

const SECRETS = "/api/v1/namespaces/azds/secrets";
const WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/azds-webhook";
const NOW = Date.UTC(2026, 0, 1);
const DAY = 24 * 60 * 60_000;
const SERVERS = ["azds-webhook", "azds-controller", "azds-builder"] as const;

function authorityOf(kube: FakeKube): Certificate {
  return pair(kube, "azds-ca", { cert: "ca.crt", key: "ca.key" });
}

function pair(kube: FakeKube, name: string, keys = TLS_KEYS): Certificate {
  const found = certificateOfSecret(kube.get(`${SECRETS}/${name}`), keys);
  if (found === undefined) throw new Error(`Secret ${name} holds no pair`);
  return found;
}

function putWebhooks(kube: FakeKube, ...names: readonly string[]): void {
  kube.put(WEBHOOKS, {
    webhooks: names.map((name) => ({ name, clientConfig: { service: { name: "azds-webhook" } } })),
  });
}

function bundles(kube: FakeKube): readonly unknown[] {
  const webhooks = at(kube.get(WEBHOOKS), "webhooks") as readonly unknown[];
  return webhooks.map((webhook) => at(webhook, "clientConfig", "caBundle"));
}

function writes(kube: FakeKube): readonly KubeRequest[] {
  return kube.calls.filter((call) => call.method !== "GET");
}

/** All that has to fit together in an installation that works. */
function expectOneAuthority(kube: FakeKube): void {
  const authority = new X509Certificate(authorityOf(kube).cert);
  expect(at(kube.get("/api/v1/namespaces/azds/configmaps/azds-ca"), "data")).toEqual({
    "ca.crt": authorityOf(kube).cert,
  });
  const bundle = Buffer.from(authorityOf(kube).cert).toString("base64");
  expect(bundles(kube)).toEqual([bundle, bundle]);
  for (const name of SERVERS) {
    const leaf = new X509Certificate(pair(kube, `${name}-tls`).cert);
    expect(leaf.checkIssued(authority)).toBe(true);
    expect(leaf.verify(authority.publicKey)).toBe(true);
  }
}

async function installed(): Promise<FakeKube> {
  const kube = fakeKube();
  putWebhooks(kube, "pods.azds.io", "spaces.azds.io");
  await ensureCertificates(kube, { now: NOW, renew: false });
  return kube;
}

test("ensureCertificates() makes an authority and three servers' certificates that it signed", async () => {
  const kube = await installed();
  expectOneAuthority(kube);
  const authority = new X509Certificate(authorityOf(kube).cert);
  expect(authority.ca).toBe(true);
  expect(authority.validToDate.getTime()).toBe(NOW + CERTIFICATE_AUTHORITY_DAYS * DAY);
  for (const name of SERVERS) {
    const leaf = new X509Certificate(pair(kube, `${name}-tls`).cert);
    expect(leaf.subjectAltName).toBe(
      `DNS:${name}, DNS:${name}.azds, DNS:${name}.azds.svc, DNS:${name}.azds.svc.cluster.local`,
    );
    expect(leaf.ca).toBe(false);
    expect(leaf.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]); // serverAuth
    expect(leaf.validToDate.getTime()).toBe(NOW + CERTIFICATE_DAYS * DAY);
    expect(at(kube.get(`${SECRETS}/${name}-tls`), "type")).toBe("kubernetes.io/tls");
  }
});

test("ensureCertificates() changes nothing that is in order", async () => {
  const kube = await installed();
  const before = [authorityOf(kube), ...SERVERS.map((name) => pair(kube, `${name}-tls`))];
  const count = writes(kube).length;
  await ensureCertificates(kube, { now: NOW + 300 * DAY, renew: false });
  expect([authorityOf(kube), ...SERVERS.map((name) => pair(kube, `${name}-tls`))]).toEqual(before);
  // Only the ConfigMap is applied again.
  expect(
    writes(kube)
      .slice(count)
      .map((call) => call.method),
  ).toEqual(["PATCH"]);
});

test("Replicas that start at the same moment end with one authority", async () => {
  for (let round = 0; round < 5; round += 1) {
    const kube = fakeKube();
    putWebhooks(kube, "pods.azds.io", "spaces.azds.io");
    const replica = async (): Promise<void> => ensureCertificates(kube, { now: NOW, renew: false });
    await Promise.all([replica(), replica(), replica()]);
    expectOneAuthority(kube);
  }
});

test("ensureCertificates() renews a server's certificate in the last third of its life, when told to", async () => {
  const kube = await installed();
  const before = pair(kube, "azds-webhook-tls");
  await ensureCertificates(kube, { now: NOW + 240 * DAY, renew: true });
  expect(pair(kube, "azds-webhook-tls")).toEqual(before);
  await ensureCertificates(kube, { now: NOW + 250 * DAY, renew: false });
  expect(pair(kube, "azds-webhook-tls")).toEqual(before);
  await ensureCertificates(kube, { now: NOW + 250 * DAY, renew: true });
  expect(pair(kube, "azds-webhook-tls").cert).not.toBe(before.cert);
  expectOneAuthority(kube);
});

test("ensureCertificates() renews the authority with its old key, so that certificates of both sides stay valid", async () => {
  const kube = await installed();
  const before = authorityOf(kube);
  const leaf = new X509Certificate(pair(kube, "azds-webhook-tls").cert);
  await ensureCertificates(kube, { now: NOW + 2_500 * DAY, renew: true });
  const after = authorityOf(kube);
  expect([after.cert === before.cert, after.key]).toEqual([false, before.key]);
  expect(leaf.verify(new X509Certificate(after.cert).publicKey)).toBe(true);
  const renewed = new X509Certificate(pair(kube, "azds-webhook-tls").cert);
  expect(renewed.checkIssued(new X509Certificate(before.cert))).toBe(true);
  expectOneAuthority(kube);
});

test("ensureCertificates() replaces what is of another authority, expired or unreadable, without being told to renew", async () => {
  const kube = await installed();
  kube.delete(`${SECRETS}/azds-ca`);
  await ensureCertificates(kube, { now: NOW, renew: false });
  expectOneAuthority(kube);
  kube.put(`${SECRETS}/azds-builder-tls`, { type: "kubernetes.io/tls", data: { "tls.crt": "rubbish", "tls.key": "" } });
  await ensureCertificates(kube, { now: NOW, renew: false });
  expectOneAuthority(kube);
  const old = pair(kube, "azds-webhook-tls");
  await ensureCertificates(kube, { now: NOW + 366 * DAY, renew: false });
  expect(pair(kube, "azds-webhook-tls").cert).not.toBe(old.cert);
});

test("ensureCertificates() does without a webhook configuration; trustAuthority() completes one that comes later", async () => {
  const kube = fakeKube();
  await trustAuthority(kube);
  await ensureCertificates(kube, { now: NOW, renew: false });
  putWebhooks(kube, "pods.azds.io", "spaces.azds.io");
  await trustAuthority(kube);
  expectOneAuthority(kube);
  const count = writes(kube).length;
  await trustAuthority(kube);
  expect(writes(kube)).toHaveLength(count);
});

test("ensureCertificates() gives up on a Secret that never holds still, and says which", async () => {
  const kube: FakeKube = fakeKube({
    answer: (call) => {
      // Somebody else writes between every look and every attempt.
      if (call.method === "PUT") kube.put(`${SECRETS}/azds-ca`, { data: {} });
      return undefined;
    },
  });
  kube.put(`${SECRETS}/azds-ca`, { data: {} });
  expect(ensureCertificates(kube, { now: NOW, renew: false })).rejects.toThrow("Secret azds-ca changed 5 times");
});
