/** Whose images a client may write: those of the namespace of its service-account token, and no others. */
import { TOKEN_AUDIENCE } from "../core/contract.ts";
import { AzdsError } from "../core/errors.ts";
import { parseServiceAccount } from "../core/kube/service-account.ts";
import { reviewToken } from "../core/kube/token-review.ts";
import type { KubeClient } from "../core/kube/types.ts";

/** The namespace of a valid token. @throws AzdsError FORBIDDEN for any other; KubeError when the API server refuses us */
export type Identify = (token: string) => Promise<string>;

/** A namespace is a DNS label (RFC 1123), so it can be a folder's name and a component of an image reference. */
const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

export function tokenIdentity(kube: KubeClient): Identify {
  return async (token) => {
    const user = await reviewToken(kube, token);
    const namespace = user === undefined ? undefined : parseServiceAccount(user)?.namespace;
    if (namespace !== undefined && NAMESPACE.test(namespace)) return namespace;
    throw new AzdsError(
      "FORBIDDEN",
      `The builder needs a token of a pod's service account for the audience \`${TOKEN_AUDIENCE}\``,
    );
  };
}
