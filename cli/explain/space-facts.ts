/** What the cluster says of the pods, Services, Ingresses and HTTPRoutes of some spaces, as far as the user may read them. */
import { SKIPPED_ANNOTATION } from "../../core/contract.ts";
import { type Ingress, parseIngress } from "../../core/ingress.ts";
import { canonicalAddress } from "../../core/ip-address.ts";
import { collectionPath, podsPath } from "../../core/kube/paths.ts";
import { type KubeClient, KubeError } from "../../core/kube/types.ts";
import { asArray, asString, at } from "../../core/parse.ts";
import { causeOf } from "../engine/pods/diagnose.ts";
import { podView, type PodView } from "../engine/pods/pod-view.ts";
import { selects } from "../engine/pods/services.ts";
import type { HttpRoute } from "./http-route.ts";
import type { Labels } from "./label-selector.ts";
import type { GatewayFact } from "./own-gateway.ts";
import { readDoors, readHttpRoutes } from "./read-gateways.ts";
import { type Sidecar, sidecarOf } from "./read-routes.ts";

export interface PodFacts {
  readonly name: string;
  readonly namespace: string;
  /** In one text each, as route tables have them. */
  readonly addresses: readonly string[];
  readonly view: PodView;
  /** `Ready`, or why it is not. */
  readonly status: string;
  /** Absent: it has none that runs. */
  readonly sidecar: Sidecar | undefined;
  /** Why it got none, where the webhook says so. */
  readonly skipped: string | undefined;
}

export interface ServiceFacts {
  readonly name: string;
  readonly namespace: string;
  /** Of an ExternalName: what it stands for. */
  readonly externalName: string | undefined;
  readonly owns: (pod: PodView) => boolean;
}

export interface SpaceFacts {
  readonly pods: readonly PodFacts[];
  readonly services: readonly ServiceFacts[];
  readonly ingresses: readonly Ingress[];
  /** Empty also where the Gateway API is not installed, or may not be read. */
  readonly httpRoutes: readonly HttpRoute[];
  /** Those that its HTTPRoutes name, wherever they stand; by `<namespace>/<name>`. */
  readonly gateways: ReadonlyMap<string, GatewayFact>;
  /** Of the namespace; `undefined` also where nobody had to know them. */
  readonly labels: Labels | undefined;
}

/** By namespace. One that is absent does not exist, or may not be read. */
export type Facts = ReadonlyMap<string, SpaceFacts>;

export async function readFacts(kube: KubeClient, namespaces: Iterable<string>, signal: AbortSignal): Promise<Facts> {
  const each = await Promise.all(
    [...new Set(namespaces)].map(async (namespace) => {
      const facts = await readSpace(kube, namespace, signal);
      return facts === undefined ? [] : [[namespace, facts] as const];
    }),
  );
  return new Map(each.flat());
}

async function readSpace(kube: KubeClient, namespace: string, signal: AbortSignal): Promise<SpaceFacts | undefined> {
  const ingressKind = { apiVersion: "networking.k8s.io/v1", kind: "Ingress" };
  try {
    const [pods, services, ingresses, httpRoutes] = await Promise.all([
      kube.list(podsPath(namespace), signal),
      kube.list(collectionPath({ apiVersion: "v1", kind: "Service" }, namespace), signal),
      kube.list(collectionPath(ingressKind, namespace), signal),
      readHttpRoutes(kube, namespace, signal),
    ]);
    return {
      pods: pods.map(podFacts),
      services: services.map(serviceFacts),
      ingresses: ingresses.flatMap((ingress) => parseIngress(ingress) ?? []),
      httpRoutes,
      ...(await readDoors(kube, { namespace, httpRoutes }, signal)),
    };
  } catch (error) {
    if (error instanceof KubeError && error.status === 403) return undefined;
    throw error;
  }
}

function podFacts(pod: unknown): PodFacts {
  const view = podView(pod);
  const ips = asArray(at(pod, "status", "podIPs")).flatMap((entry) => asString(at(entry, "ip")) ?? []);
  return {
    name: view.name,
    namespace: view.namespace,
    addresses: ips.map(canonicalAddress),
    view,
    status: statusOf(view),
    sidecar: sidecarOf(pod),
    skipped: asString(at(pod, "metadata", "annotations", SKIPPED_ANNOTATION)),
  };
}

function statusOf(view: PodView): string {
  if (view.deleting) return "Terminating";
  if (view.ready) return "Ready";
  return causeOf(view)?.reason ?? (view.phase === "Running" ? "Not ready" : view.phase);
}

function serviceFacts(service: unknown): ServiceFacts {
  return {
    name: asString(at(service, "metadata", "name")) ?? "",
    namespace: asString(at(service, "metadata", "namespace")) ?? "",
    externalName:
      at(service, "spec", "type") === "ExternalName" ? asString(at(service, "spec", "externalName")) : undefined,
    owns: (pod) => selects(service, pod),
  };
}
