/**
 * Authority and server certificates of one installation. Any replica may make what is missing; the first write wins
 * and the others take it over, so there is one authority from the first moment on.
 */
import {
  CA_CONFIG_MAP,
  CA_SECRET,
  COMPONENT,
  FIELD_MANAGER,
  SYSTEM_NAMESPACE,
  WEBHOOK_CONFIGURATION,
} from "../../core/contract.ts";
import { TLS_KEYS, tlsSecretName, type Certificate } from "../../core/host/certificate.ts";
import type { KubeClient } from "../../core/kube/types.ts";
import { asArray, asString, at } from "../../core/parse.ts";
import { CONTROLLER_LABELS } from "../labels.ts";
import { renewalDue, serves } from "./lifetime.ts";
import { issueServer, makeAuthority, renewAuthority } from "./pki.ts";
import { ensurePair, readPair, type SecretPlace } from "./secrets.ts";

const WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
const CONFIG_MAPS = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/configmaps`;

/** Watched to notice a configuration that is applied later, or again. */
export const WEBHOOK_CONFIGURATION_WATCH = `${WEBHOOKS}?fieldSelector=metadata.name%3D${WEBHOOK_CONFIGURATION}`;

const AUTHORITY: SecretPlace = { name: CA_SECRET, type: "Opaque", keys: { cert: "ca.crt", key: "ca.key" } };
const SERVERS = [COMPONENT.webhook, COMPONENT.controller, COMPONENT.builder] as const;

export interface EnsureOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Also replaces what has passed most of its life; for one replica at a time. */
  readonly renew: boolean;
}

/** Makes what is missing or unusable and tells clients and API server whom to trust. Rejects when a call fails; safe to repeat. */
export async function ensureCertificates(kube: KubeClient, options: EnsureOptions): Promise<void> {
  const authority = await ensurePair(kube, AUTHORITY, {
    keep: (pair) => serves(pair.cert, { authority: pair.cert, names: [], now: options.now }) && !due(pair, options),
    make: async (old) => (old === undefined ? makeAuthority(options.now) : renewAuthority(old, options.now)),
  });
  await Promise.all([
    publish(kube, authority),
    trust(kube, authority),
    ...SERVERS.map(async (component) => ensureServer(kube, { component, authority, ...options })),
  ]);
}

/** Writes the authority of this installation into the webhook configuration where it is missing there. */
export async function trustAuthority(kube: KubeClient): Promise<void> {
  const authority = await readPair(kube, AUTHORITY);
  if (authority !== undefined) await trust(kube, authority);
}

interface Server extends EnsureOptions {
  readonly component: string;
  readonly authority: Certificate;
}

async function ensureServer(kube: KubeClient, server: Server): Promise<void> {
  const { component, authority, now } = server;
  const names = serviceNames(component);
  const place = { name: tlsSecretName(component), type: "kubernetes.io/tls", keys: TLS_KEYS };
  await ensurePair(kube, place, {
    keep: (pair) => serves(pair.cert, { authority: authority.cert, names, now }) && !due(pair, server),
    make: async () => issueServer(authority, names, now),
  });
}

function due(pair: Certificate, options: EnsureOptions): boolean {
  return options.renew && renewalDue(pair.cert, options.now);
}

/** All names under which pods reach a Service of ours. */
function serviceNames(component: string): readonly string[] {
  const qualified = `${component}.${SYSTEM_NAMESPACE}`;
  return [component, qualified, `${qualified}.svc`, `${qualified}.svc.cluster.local`];
}

async function publish(kube: KubeClient, authority: Certificate): Promise<void> {
  const configMap = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: CA_CONFIG_MAP, namespace: SYSTEM_NAMESPACE, labels: CONTROLLER_LABELS },
    data: { "ca.crt": authority.cert },
  };
  await kube.apply(`${CONFIG_MAPS}/${CA_CONFIG_MAP}`, configMap, { force: true });
}

async function trust(kube: KubeClient, authority: Certificate): Promise<void> {
  const bundle = Buffer.from(authority.cert).toString("base64");
  const configuration = await kube.find(`${WEBHOOKS}/${WEBHOOK_CONFIGURATION}`);
  const patch = bundlePatch(configuration, bundle);
  if (patch.length === 0) return;
  await kube.request({
    method: "PATCH",
    path: `${WEBHOOKS}/${WEBHOOK_CONFIGURATION}?fieldManager=${FIELD_MANAGER}`,
    contentType: "application/json-patch+json",
    body: patch,
  });
}

/** JSON Patch (RFC 6902) that gives each webhook the bundle; the tests make it fail when the list moved meanwhile. */
function bundlePatch(configuration: unknown, bundle: string): readonly object[] {
  return asArray(at(configuration, "webhooks")).flatMap((webhook, index) => {
    if (at(webhook, "clientConfig", "caBundle") === bundle) return [];
    const path = `/webhooks/${index}`;
    return [
      { op: "test", path: `${path}/name`, value: asString(at(webhook, "name")) },
      { op: "add", path: `${path}/clientConfig/caBundle`, value: bundle },
    ];
  });
}
