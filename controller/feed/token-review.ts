/** Who sends a request: the API server is asked once per token (TokenReview, authentication.k8s.io/v1). */
import { createHash } from "node:crypto";
import { TOKEN_AUDIENCE } from "../../core/contract.ts";
import type { Clock } from "../../core/host/clock.ts";
import type { KubeClient } from "../../core/kube/types.ts";
import { TOKEN_REVIEW_CACHE_MS, TOKEN_REVIEWS_MAX } from "../../core/limits.ts";
import { asArray, asString, at } from "../../core/parse.ts";

/** The user name of a valid token for TOKEN_AUDIENCE, `undefined` for any other. Rejects when the API server does not answer. */
export type ReviewToken = (token: string) => Promise<string | undefined>;

interface Review {
  readonly until: number;
  readonly user: Promise<string | undefined>;
}

/** Remembers answers for TOKEN_REVIEW_CACHE_MS under the token's hash; failures are not remembered. */
export function tokenReviewer(kube: KubeClient, clock: Clock): ReviewToken {
  const reviews = new Map<string, Review>();
  return async (token) => {
    const hash = createHash("sha256").update(token).digest("base64");
    const known = reviews.get(hash);
    if (known !== undefined && clock.now() < known.until) return known.user;
    const user = review(kube, token);
    reviews.delete(hash);
    reviews.set(hash, { until: clock.now() + TOKEN_REVIEW_CACHE_MS, user });
    const [oldest] = reviews.keys();
    if (reviews.size > TOKEN_REVIEWS_MAX && oldest !== undefined) reviews.delete(oldest);
    user.catch(() => reviews.delete(hash));
    return user;
  };
}

async function review(kube: KubeClient, token: string): Promise<string | undefined> {
  const answer = await kube.request({
    method: "POST",
    path: "/apis/authentication.k8s.io/v1/tokenreviews",
    body: {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      spec: { token, audiences: [TOKEN_AUDIENCE] },
    },
  });
  const status = at(answer, "status");
  // An authenticator that knows no audiences answers without them: it has not checked ours.
  const ours = asArray(at(status, "audiences")).includes(TOKEN_AUDIENCE);
  return at(status, "authenticated") === true && ours ? asString(at(status, "user", "username")) : undefined;
}
