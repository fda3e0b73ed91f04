/** Whose images a client may write: those of the namespace of its service-account token, and no others. */
import { COMPONENT, SYSTEM_NAMESPACE, TOKEN_AUDIENCE } from "../core/contract.ts";
import { AzdsError } from "../core/errors.ts";
import { parseServiceAccount } from "../core/kube/service-account.ts";
import { type PodReference, reviewToken } from "../core/kube/token-review.ts";
import type { KubeClient } from "../core/kube/types.ts";
import { isNamespace } from "./request.ts";

export interface Identity {
  readonly namespace: string;
  /** The builder of another node: it may read images of every namespace. */
  readonly peer: boolean;
  /** The pod that the token is bound to. */
  readonly pod?: PodReference;
}

/** Whose token it is. @throws AzdsError FORBIDDEN for any other; KubeError when the API server refuses us */
export type Identify = (token: string) => Promise<Identity>;

export function tokenIdentity(kube: KubeClient): Identify {
  return async (token) => {
    const user = await reviewToken(kube, token);
    const account = user === undefined ? undefined : parseServiceAccount(user.name);
    if (account !== undefined && isNamespace(account.namespace)) {
      const { namespace, name } = account;
      const peer = namespace === SYSTEM_NAMESPACE && name === COMPONENT.builder;
      return { namespace, peer, ...(user?.pod === undefined ? {} : { pod: user.pod }) };
    }
    throw new AzdsError(
      "FORBIDDEN",
      `The builder needs a token of a pod's service account for the audience \`${TOKEN_AUDIENCE}\``,
    );
  };
}
