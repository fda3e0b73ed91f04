/** Whose images a client may write: those of the namespace of its service-account token, and no others. */
import { TOKEN_AUDIENCE } from "../core/contract.ts";
import { AzdsError } from "../core/errors.ts";
import { collectionPath } from "../core/kube/paths.ts";
import type { KubeClient } from "../core/kube/types.ts";
import { asArray, asString, at } from "../core/parse.ts";

/** The namespace of a valid token. @throws AzdsError FORBIDDEN for any other; KubeError when the API server refuses us */
export type Identify = (token: string) => Promise<string>;

const REVIEW = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview" } as const;
/** A namespace is a DNS label (RFC 1123), so it can be a folder's name and a component of an image reference. */
const SERVICE_ACCOUNT = /^system:serviceaccount:(?<namespace>[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?):[^:]+$/;

export function tokenIdentity(kube: KubeClient): Identify {
  return async (token) => {
    const answer = await kube.request({
      method: "POST",
      path: collectionPath(REVIEW),
      body: { ...REVIEW, spec: { token, audiences: [TOKEN_AUDIENCE] } },
    });
    const status = at(answer, "status");
    // An authenticator that knows no audiences answers without them: it has not checked ours.
    const isOurs = at(status, "authenticated") === true && asArray(at(status, "audiences")).includes(TOKEN_AUDIENCE);
    const user = asString(at(status, "user", "username")) ?? "";
    const namespace = isOurs ? SERVICE_ACCOUNT.exec(user)?.groups?.["namespace"] : undefined;
    if (namespace !== undefined) return namespace;
    throw new AzdsError(
      "FORBIDDEN",
      `The builder needs a token of a pod's service account for the audience \`${TOKEN_AUDIENCE}\``,
    );
  };
}
