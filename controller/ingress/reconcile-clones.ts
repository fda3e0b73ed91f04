/** Brings the clones of Ingresses and HTTPRoutes in line with the spaces. */
import { CLONE_OF_ANNOTATION } from "../../core/contract.ts";
import { KubeError, type KubeClient } from "../../core/kube/types.ts";
import { asString, asStringRecord, at, isObject } from "../../core/parse.ts";
import type { Ingress } from "../../core/ingress.ts";
import { ancestorsOf, type Forest } from "../index/space.ts";
import { eachOf } from "../reconcile/each-of.ts";
import type { ReconcileContext } from "../reconcile/reconcile.ts";
import { CONTROLLER_SELECTOR } from "../labels.ts";
import { cloneOfObject, planClones, wantedClones, type Clone, type CloneKind, type Original } from "./clones.ts";

const COLLECTIONS: Readonly<Record<CloneKind, { readonly group: string; readonly plural: string }>> = {
  Ingress: { group: "/apis/networking.k8s.io/v1", plural: "ingresses" },
  HTTPRoute: { group: "/apis/gateway.networking.k8s.io/v1", plural: "httproutes" },
};

/** Rejects when the clones cannot be read; a step that fails is logged, and tried again the next time. */
export async function reconcileClones(context: ReconcileContext, signal: AbortSignal): Promise<void> {
  const { kube, index, log } = context;
  const ingresses = index
    .ingresses()
    // Those of our own class the gateway serves for every child as they are.
    .filter(({ ours, annotations }) => !ours && annotations[CLONE_OF_ANNOTATION] === undefined)
    .map(originalOf);
  const { group, plural } = COLLECTIONS.HTTPRoute;
  const routes = await listKnown(kube, `${group}/${plural}`, signal);
  const found = [
    ...(await kube.list(selected("Ingress"), signal)).flatMap((object) => cloneOfObject("Ingress", object) ?? []),
    ...routes.flatMap((object) => cloneOfObject("HTTPRoute", object) ?? []),
  ];
  const wanted = wantedClones([...ingresses, ...routes.flatMap(routeOf)], heirsOf(index.forest()));
  const plan = planClones(wanted, found);
  const isLasting = ({ namespace }: Clone): boolean => !index.isTerminating(namespace);
  await eachOf(
    plan.remove.filter(isLasting),
    async (clone) => void (await kube.remove(pathOf(clone), { signal })),
    log,
  );
  await eachOf(
    plan.write.filter(isLasting),
    async (clone) => void (await kube.apply(pathOf(clone), clone.object, { force: true, signal })),
    log,
  );
}

/** Per space all that inherit from it. */
export function heirsOf(forest: Forest): ReadonlyMap<string, readonly string[]> {
  const spaces = [...forest.trees.values()].flat();
  const parents = new Map(
    spaces.flatMap(({ name, parent }): readonly [string, string][] => (parent === undefined ? [] : [[name, parent]])),
  );
  const heirs = new Map<string, string[]>();
  for (const { name } of spaces) {
    for (const ancestor of ancestorsOf(name, parents)) heirs.set(ancestor, [...(heirs.get(ancestor) ?? []), name]);
  }
  return heirs;
}

function originalOf({ namespace, name, uid, annotations, spec }: Ingress): Original {
  return { kind: "Ingress", apiVersion: "networking.k8s.io/v1", namespace, name, uid, annotations, spec };
}

/** Nothing where the Gateway API is not installed. */
async function listKnown(kube: KubeClient, path: string, signal: AbortSignal): Promise<readonly unknown[]> {
  try {
    return await kube.list(path, signal);
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return [];
    throw error;
  }
}

function routeOf(object: unknown): readonly Original[] {
  const metadata = at(object, "metadata");
  const namespace = asString(at(metadata, "namespace"));
  const name = asString(at(metadata, "name"));
  const spec = at(object, "spec");
  const annotations = asStringRecord(at(metadata, "annotations"));
  if (namespace === undefined || name === undefined || !isObject(spec)) return [];
  if (annotations[CLONE_OF_ANNOTATION] !== undefined || at(metadata, "deletionTimestamp") !== undefined) return [];
  const uid = asString(at(metadata, "uid")) ?? "";
  return [{ kind: "HTTPRoute", apiVersion: "gateway.networking.k8s.io/v1", namespace, name, uid, annotations, spec }];
}

function selected(kind: CloneKind): string {
  const { group, plural } = COLLECTIONS[kind];
  return `${group}/${plural}?labelSelector=${encodeURIComponent(CONTROLLER_SELECTOR)}`;
}

function pathOf({ kind, namespace, name }: Clone): string {
  const { group, plural } = COLLECTIONS[kind];
  return `${group}/namespaces/${namespace}/${plural}/${name}`;
}
