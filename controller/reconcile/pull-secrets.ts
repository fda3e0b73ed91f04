/** Where built images are in a registry that wants credentials: each space has a copy of them for its pods. */
import { PULL_SECRET, SYSTEM_NAMESPACE } from "../../core/contract.ts";
import { asString, at, type JsonObject } from "../../core/parse.ts";
import { CONTROLLER_LABELS, CONTROLLER_SELECTOR } from "../labels.ts";
import { eachOf } from "./each-of.ts";
import type { ReconcileContext } from "./reconcile.ts";

/** The one key of a Secret of type kubernetes.io/dockerconfigjson. */
const KEY = ".dockerconfigjson";
const COPIES = `/api/v1/secrets?fieldSelector=${encodeURIComponent(`metadata.name=${PULL_SECRET}`)}&labelSelector=${encodeURIComponent(CONTROLLER_SELECTOR)}`;

export interface SecretCopy {
  readonly namespace: string;
  /** Value of KEY, encoded. */
  readonly content: string;
}

export interface SecretPlan {
  readonly write: readonly string[];
  readonly remove: readonly string[];
}

/** Namespaces to change. @param content what spaces should have; `undefined`: nothing */
export function planPullSecrets(
  spaces: readonly string[],
  found: readonly SecretCopy[],
  content: string | undefined,
): SecretPlan {
  const wanted = new Set(content === undefined ? [] : spaces);
  const right = new Set(found.filter((copy) => copy.content === content).map(({ namespace }) => namespace));
  return {
    write: [...wanted].filter((space) => !right.has(space)),
    remove: found.map(({ namespace }) => namespace).filter((namespace) => !wanted.has(namespace)),
  };
}

/** Rejects when the Secrets cannot be read. @param source name in our namespace; empty: spaces get none */
export async function reconcilePullSecrets(
  { kube, index, log }: ReconcileContext,
  source: string,
  signal: AbortSignal,
): Promise<void> {
  const original = source === "" ? undefined : await kube.find(secretPath(SYSTEM_NAMESPACE, source), signal);
  const found = (await kube.list(COPIES, signal)).map((copy): SecretCopy => {
    return { namespace: asString(at(copy, "metadata", "namespace")) ?? "", content: contentOf(copy) ?? "" };
  });
  const content = contentOf(original);
  const spaces = index.spaces().map(({ name }) => name);
  const { write, remove } = planPullSecrets(
    spaces.filter((space) => !index.isTerminating(space)),
    found.filter(({ namespace }) => !index.isTerminating(namespace)),
    content,
  );
  await eachOf(remove, async (space) => void (await kube.remove(secretPath(space, PULL_SECRET), { signal })), log);
  const put = async (space: string): Promise<void> => {
    await kube.apply(secretPath(space, PULL_SECRET), secretObject(space, content ?? ""), { force: true, signal });
  };
  await eachOf(write, put, log);
}

function secretObject(namespace: string, content: string): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: PULL_SECRET, namespace, labels: CONTROLLER_LABELS },
    type: "kubernetes.io/dockerconfigjson",
    data: { [KEY]: content },
  };
}

function contentOf(secret: unknown): string | undefined {
  return asString(at(secret, "data", KEY));
}

function secretPath(namespace: string, name: string): string {
  return `/api/v1/namespaces/${namespace}/secrets/${name}`;
}
