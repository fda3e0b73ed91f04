/** HTTPRoutes of a space and the Gateways that they name, as far as the user may read them. */
import { collectionPath, namespacePath, objectPath } from "../../core/kube/paths.ts";
import { type KubeClient, KubeError } from "../../core/kube/types.ts";
import { asStringRecord, at } from "../../core/parse.ts";
import { gatewayKey } from "./admission.ts";
import { type HttpRoute, type ParentRef, parseHttpRoute } from "./http-route.ts";
import type { Labels } from "./label-selector.ts";
import { type GatewayFact, parseGateway } from "./own-gateway.ts";

const API = "gateway.networking.k8s.io/v1";

/** Empty also where the Gateway API is not installed, or may not be read. */
export async function readHttpRoutes(
  kube: KubeClient,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly HttpRoute[]> {
  try {
    const routes = await kube.list(collectionPath({ apiVersion: API, kind: "HTTPRoute" }, namespace), signal);
    return routes.flatMap((route) => parseHttpRoute(route) ?? []);
  } catch (error) {
    if (error instanceof KubeError && (error.status === 403 || error.status === 404)) return [];
    throw error;
  }
}

interface Doors {
  readonly gateways: ReadonlyMap<string, GatewayFact>;
  readonly labels: Labels | undefined;
}

export async function readDoors(
  kube: KubeClient,
  { namespace, httpRoutes }: { readonly namespace: string; readonly httpRoutes: readonly HttpRoute[] },
  signal: AbortSignal,
): Promise<Doors> {
  const parents = httpRoutes.flatMap((route) => route.parents).filter(({ kind }) => kind === "Gateway");
  const named = new Map(parents.map((parent) => [gatewayKey(parent), parent]));
  const found = await Promise.all(
    [...named].map(async ([key, parent]) => [key, await readGateway(kube, parent, signal)] as const),
  );
  const isSelected = found.some(
    ([, fact]) => typeof fact !== "string" && fact.listeners.some(({ from }) => from === "Selector"),
  );
  return {
    gateways: new Map(found),
    labels: isSelected ? await readLabels(kube, namespace, signal) : undefined,
  };
}

async function readGateway(kube: KubeClient, parent: ParentRef, signal: AbortSignal): Promise<GatewayFact> {
  const path = objectPath({ apiVersion: API, kind: "Gateway" }, parent.namespace, parent.name);
  const found = await findReadable(kube, path, signal);
  return found === "unreadable" ? found : found === undefined ? "absent" : parseGateway(found);
}

async function readLabels(kube: KubeClient, namespace: string, signal: AbortSignal): Promise<Labels | undefined> {
  const found = await findReadable(kube, namespacePath(namespace), signal);
  return found === "unreadable" ? undefined : asStringRecord(at(found, "metadata", "labels"));
}

async function findReadable(kube: KubeClient, path: string, signal: AbortSignal): Promise<unknown> {
  try {
    return await kube.find(path, signal);
  } catch (error) {
    if (error instanceof KubeError && error.status === 403) return "unreadable";
    throw error;
  }
}
