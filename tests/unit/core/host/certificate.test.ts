import { afterEach, expect, test } from "bun:test";
import { issueServer, makeAuthority } from "../../../../controller/certificates/pki.ts";
import { certificateOfSecret, watchCertificate, type Certificate } from "../../../../core/host/certificate.ts";
import { settle } from "../../../fakes/clock.ts";
import { fakeKube, type FakeKube } from "../../../fakes/kube.ts";

const PATH = "/api/v1/namespaces/azds/secrets/azds-webhook-tls";
const authority = await makeAuthority(Date.now());
const first = await issueServer(authority, ["first"], Date.now());
const second = await issueServer(authority, ["second"], Date.now());

let stop = new AbortController();
afterEach(() => {
  stop.abort();
  stop = new AbortController();
});

function encoded(text: string): string {
  return Buffer.from(text).toString("base64");
}

function put(kube: FakeKube, pair: Certificate): void {
  kube.put(PATH, { type: "kubernetes.io/tls", data: { "tls.crt": encoded(pair.cert), "tls.key": encoded(pair.key) } });
}

function watched(kube: FakeKube): readonly Certificate[] {
  const seen: Certificate[] = [];
  watchCertificate(kube, "azds-webhook-tls", { onChange: (pair) => void seen.push(pair), signal: stop.signal });
  return seen;
}

test("watchCertificate() passes on the pair there is, and each new one once", async () => {
  const kube = fakeKube();
  put(kube, first);
  const seen = watched(kube);
  await settle();
  put(kube, first);
  put(kube, second);
  await settle();
  expect(seen).toEqual([first, second]);
});

test("watchCertificate() waits for a Secret that is made later and keeps to its own", async () => {
  const kube = fakeKube();
  const seen = watched(kube);
  kube.put("/api/v1/namespaces/azds/secrets/other", { data: {} });
  kube.put("/api/v1/namespaces/dev/secrets/azds-webhook-tls", { data: {} });
  put(kube, first);
  await settle();
  expect(seen).toEqual([first]);
});

test("watchCertificate() passes over rubbish, a pair that does not match, and deletion", async () => {
  const kube = fakeKube();
  put(kube, first);
  const seen = watched(kube);
  await settle();
  put(kube, { cert: "rubbish", key: "rubbish" });
  put(kube, { cert: second.cert, key: first.key });
  kube.delete(PATH);
  await settle();
  expect(seen).toEqual([first]);
});

test("watchCertificate() ends with its signal", async () => {
  const kube = fakeKube();
  const seen = watched(kube);
  await settle();
  stop.abort();
  put(kube, first);
  await settle();
  expect(seen).toEqual([]);
});

test("certificateOfSecret() reads other keys when told", () => {
  const data = {
    "ca.crt": Buffer.from(first.cert).toString("base64"),
    "ca.key": Buffer.from(first.key).toString("base64"),
  };
  expect(certificateOfSecret({ data }, { cert: "ca.crt", key: "ca.key" })).toEqual(first);
  expect(certificateOfSecret({ data })).toBeUndefined();
});
