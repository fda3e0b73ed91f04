/** A large organisation's cluster as objects: trees of spaces with Services and their endpoints, of which no pod runs. */
import { PARENT_LABEL, SPACE_LABEL } from "../../core/contract.ts";
import { collectionPath } from "../../core/kube/paths.ts";
import { KubeError, type KubeClient } from "../../core/kube/types.ts";
import type { JsonObject } from "../../core/parse.ts";

export interface World {
  readonly trees: number;
  readonly spacesPerTree: number;
  readonly servicesPerSpace: number;
}

/** Requests under way at once: the API server of the test cluster has two cores. */
const WRITERS = 24;
const ENDPOINTS_PER_SERVICE = 2;

export function spaceName(tree: number, space: number): string {
  return `sim-${tree}-${space}`;
}

export function spacesOf({ trees, spacesPerTree }: World): readonly string[] {
  return range(trees).flatMap((tree) => range(spacesPerTree).map((space) => spaceName(tree, space)));
}

/** Makes what is missing. */
export async function createWorld(kube: KubeClient, world: World): Promise<void> {
  const spaces = range(world.trees).flatMap((tree) => range(world.spacesPerTree).map((space) => ({ tree, space })));
  await inParallel(
    spaces.map(
      ({ tree, space }) =>
        async () =>
          create(kube, { kind: "Namespace", body: namespaceOf(tree, space) }),
    ),
  );
  await inParallel(
    spaces.flatMap(({ tree, space }) =>
      range(world.servicesPerSpace).flatMap((service) => {
        const namespace = spaceName(tree, space);
        return [
          async () => create(kube, { kind: "Service", namespace, body: serviceOf(service) }),
          async () => create(kube, { kind: "EndpointSlice", namespace, body: sliceOf({ tree, space, service }) }),
        ];
      }),
    ),
  );
}

/** Runs at most WRITERS of the works at once. */
export async function inParallel<T>(works: readonly (() => Promise<T>)[]): Promise<readonly T[]> {
  const results: T[] = [];
  const queue = works.entries();
  const worker = async (): Promise<void> => {
    for (const [index, work] of queue) results[index] = await work();
  };
  await Promise.all(range(WRITERS).map(worker));
  return results;
}

export function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

const API = { Namespace: "v1", Service: "v1", EndpointSlice: "discovery.k8s.io/v1" } as const;

interface Creation {
  readonly kind: keyof typeof API;
  readonly namespace?: string;
  readonly body: JsonObject;
}

async function create(kube: KubeClient, { kind, namespace, body }: Creation): Promise<void> {
  const type = { apiVersion: API[kind], kind };
  try {
    await kube.request({ method: "POST", path: collectionPath(type, namespace), body: { ...type, ...body } });
  } catch (error) {
    if (!(error instanceof KubeError && error.status === 409)) throw error;
  }
}

/** Every space but the first is a child of the first. */
function namespaceOf(tree: number, space: number): JsonObject {
  const parent = space === 0 ? {} : { [PARENT_LABEL]: spaceName(tree, 0) };
  return { metadata: { name: spaceName(tree, space), labels: { [SPACE_LABEL]: "true", ...parent } } };
}

function serviceOf(service: number): JsonObject {
  return { metadata: { name: `svc-${service}` }, spec: { ports: [{ name: "http", port: 80, targetPort: 8080 }] } };
}

function sliceOf(at: { readonly tree: number; readonly space: number; readonly service: number }): JsonObject {
  const name = `svc-${at.service}`;
  const address = (endpoint: number): string => `10.${100 + at.tree}.${at.space}.${2 * at.service + endpoint}`;
  return {
    metadata: { name: `${name}-0`, labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    endpoints: range(ENDPOINTS_PER_SERVICE).map((endpoint) => ({
      addresses: [address(endpoint)],
      conditions: { ready: true },
    })),
  };
}
