/** Who sends a request: asks the API server (TokenReview, authentication.k8s.io/v1). */
import { TOKEN_AUDIENCE } from "../contract.ts";
import { asArray, asString, at } from "../parse.ts";
import { collectionPath } from "./paths.ts";
import type { KubeClient } from "./types.ts";

const REVIEW = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview" } as const;
/** Prefix of the claims that the API server copies from a token into `status.user.extra`. */
const CLAIMS = "authentication.kubernetes.io";

export interface PodReference {
  readonly name: string;
  readonly uid: string;
}

export interface TokenUser {
  readonly name: string;
  /** The pod that the token is bound to (Kubernetes, "Managing Service Accounts", "Bound service account tokens"). */
  readonly pod?: PodReference;
}

/** Whose token it is, if it is valid for TOKEN_AUDIENCE; `undefined` for any other. Rejects when the API server does not answer. */
export async function reviewToken(kube: KubeClient, token: string): Promise<TokenUser | undefined> {
  const answer = await kube.request({
    method: "POST",
    path: collectionPath(REVIEW),
    body: { ...REVIEW, spec: { token, audiences: [TOKEN_AUDIENCE] } },
  });
  const status = at(answer, "status");
  // An authenticator that knows no audiences answers without them: it has not checked ours.
  const ours = asArray(at(status, "audiences")).includes(TOKEN_AUDIENCE);
  const name = asString(at(status, "user", "username"));
  if (at(status, "authenticated") !== true || !ours || name === undefined) return undefined;
  const claim = (key: string): string | undefined => asString(at(status, "user", "extra", `${CLAIMS}/${key}`, 0));
  const [podName, uid] = [claim("pod-name"), claim("pod-uid")];
  return { name, ...(podName === undefined || uid === undefined ? {} : { pod: { name: podName, uid } }) };
}
