/** Who sends a request: asks the API server (TokenReview, authentication.k8s.io/v1). */
import { TOKEN_AUDIENCE } from "../contract.ts";
import { asArray, asString, at } from "../parse.ts";
import { collectionPath } from "./paths.ts";
import type { KubeClient } from "./types.ts";

const REVIEW = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview" } as const;

/** The user name of a valid token for TOKEN_AUDIENCE, `undefined` for any other. Rejects when the API server does not answer. */
export async function reviewToken(kube: KubeClient, token: string): Promise<string | undefined> {
  const answer = await kube.request({
    method: "POST",
    path: collectionPath(REVIEW),
    body: { ...REVIEW, spec: { token, audiences: [TOKEN_AUDIENCE] } },
  });
  const status = at(answer, "status");
  // An authenticator that knows no audiences answers without them: it has not checked ours.
  const ours = asArray(at(status, "audiences")).includes(TOKEN_AUDIENCE);
  return at(status, "authenticated") === true && ours ? asString(at(status, "user", "username")) : undefined;
}
