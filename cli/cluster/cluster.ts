/** One cluster as the CLI sees it. `connect.ts` makes it; actions and engine use it and nothing of client-node. */
import type { KubeClient } from "../../core/kube/types.ts";

export interface Cluster {
  /** Name of the kubeconfig context; shown as the target. */
  readonly context: string;
  /** Path list as `KUBECONFIG` takes it, for Helm; undefined: the default search. */
  readonly kubeconfig: string | undefined;
  /** Default namespace of the context. */
  readonly namespace: string;
  readonly kube: KubeClient;
  readonly reviews: Reviews;
}

/** What one may ask the API server about oneself. */
export interface Reviews {
  /** SelfSubjectAccessReview: whether the user may do this. */
  readonly allowed: (right: Right, signal?: AbortSignal) => Promise<boolean>;
  /** SelfSubjectReview: who the API server takes the user for. */
  readonly whoAmI: (signal?: AbortSignal) => Promise<{ readonly username: string; readonly groups: readonly string[] }>;
  /** For example `{ major: 1, minor: 34, text: "v1.34.4" }`. */
  readonly version: (
    signal?: AbortSignal,
  ) => Promise<{ readonly major: number; readonly minor: number; readonly text: string }>;
}

/** A right as SelfSubjectAccessReview names it. */
export interface Right {
  readonly verb: string;
  /** Empty for the core group. */
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}
