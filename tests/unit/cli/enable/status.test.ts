import { expect, test } from "bun:test";
import { certificateState } from "../../../../cli/enable/certificates.ts";
import { evaluateStatus, type ImageFacts, type StatusFacts } from "../../../../cli/enable/status.ts";
import { COMPONENT } from "../../../../core/contract.ts";
import { issueServer, makeAuthority } from "../../../../controller/certificates/pki.ts";
import { CERTIFICATE_DAYS } from "../../../../core/limits.ts";
import { selectorLabels } from "../../../../templates/control-plane/object.ts";
import { node, pod } from "./objects.ts";

const NOW = Date.UTC(2026, 0, 1);
const DAY_MS = 24 * 60 * 60_000;
const authority = await makeAuthority(NOW);
const { cert } = await issueServer(authority, ["azds-webhook"], NOW);
const SECRET = { metadata: { name: "azds-webhook-tls" }, data: { "tls.crt": btoa(cert) } };

const labels = { "app.kubernetes.io/version": "0.1.0" };
const deployment = (name: string): object => ({
  metadata: { name, generation: 1, labels },
  spec: { replicas: 2 },
  status: { observedGeneration: 1, updatedReplicas: 2, availableReplicas: 2 },
});
const GOOD: StatusFacts = {
  gatewayService: undefined,
  deployments: [deployment(COMPONENT.controller), deployment(COMPONENT.webhook)],
  daemonSets: [
    {
      metadata: { name: COMPONENT.builder, generation: 1, labels },
      status: { observedGeneration: 1, desiredNumberScheduled: 1, updatedNumberScheduled: 1, numberAvailable: 1 },
    },
  ],
  admission: { metadata: { labels }, webhooks: [{ clientConfig: { caBundle: "YQ==" } }] },
  secrets: [SECRET],
  images: {
    imagePrefix: "azds.local",
    registrySecret: "",
    registryPullSecret: "",
    buildkitWorker: "containerd",
    credentials: [undefined, undefined],
    alwaysPulls: false,
  },
  nodes: [node()],
  ownPods: [
    pod({
      name: "azds-builder-x",
      labels: selectorLabels("builder"),
      spec: { nodeName: "n1" },
      status: { conditions: [{ type: "Ready", status: "True" }] },
    }),
  ],
  spacePods: [],
  now: NOW,
};

test("evaluateStatus() is healthy when every part is ready", () => {
  const status = evaluateStatus(GOOD);
  expect(status).toMatchObject({
    healthy: true,
    nodesWithoutBuilder: [],
    uninstrumentedPods: [],
  });
  expect(status.certificates).toMatchObject([{ secret: "azds-webhook-tls", days: CERTIFICATE_DAYS }]);
  expect(status.parts.every(({ version }) => version === "0.1.0")).toBe(true);
});

test("evaluateStatus() is broken by a missing part, a webhook that is not trusted, or an expired certificate", () => {
  expect(evaluateStatus({ ...GOOD, deployments: [deployment(COMPONENT.webhook)] }).healthy).toBe(false);
  expect(evaluateStatus({ ...GOOD, admission: { webhooks: [{ clientConfig: {} }] } }).healthy).toBe(false);
  expect(evaluateStatus({ ...GOOD, now: NOW + (CERTIFICATE_DAYS + 1) * DAY_MS }).healthy).toBe(false);
});

test("evaluateStatus() names nodes without builder and pods without sidecar", () => {
  const status = evaluateStatus({
    ...GOOD,
    nodes: [node(), node({ name: "n2" }), node({ name: "n3", ready: "False" })],
    spacePods: [pod({ name: "old" })],
  });
  expect(status.nodesWithoutBuilder).toEqual(["n2"]);
  expect(status.uninstrumentedPods).toEqual(["team/old"]);
});

test("evaluateStatus() says what keeps images from the registry, or from the nodes' own stores", () => {
  const problems = (images: Partial<ImageFacts>): readonly string[] =>
    evaluateStatus({ ...GOOD, images: { ...GOOD.images, ...images } }).images.problems;
  expect(problems({})).toEqual([]);
  expect(problems({ alwaysPulls: true }).join()).toContain("AlwaysPullImages");
  const registry = { imagePrefix: "r.test/team", registrySecret: "push", alwaysPulls: true };
  expect(problems(registry)).toEqual(["The Secret `push` in namespace `azds` does not exist"]);
  const content = btoa(JSON.stringify({ auths: { "r.test": {} } }));
  const push = { type: "kubernetes.io/dockerconfigjson", data: { ".dockerconfigjson": content } };
  expect(problems({ ...registry, credentials: [push, undefined] })).toEqual([]);
});

test("certificateState() gives nothing for a Secret without a certificate", () => {
  expect(certificateState({ metadata: { name: "x" }, data: { "tls.crt": btoa("no pem") } }, NOW)).toBeUndefined();
  expect(certificateState(undefined, NOW)).toBeUndefined();
});
