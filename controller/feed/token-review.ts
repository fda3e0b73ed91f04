/** Who sends a request: the API server is asked once per token and remembered for a while. */
import { createHash } from "node:crypto";
import type { Clock } from "../../core/host/clock.ts";
import { reviewToken, type TokenUser } from "../../core/kube/token-review.ts";
import type { KubeClient } from "../../core/kube/types.ts";
import { TOKEN_REVIEW_CACHE_MS, TOKEN_REVIEWS_MAX } from "../../core/limits.ts";

/** Whose token it is, if it is valid for TOKEN_AUDIENCE; `undefined` for any other. Rejects when the API server does not answer. */
export type ReviewToken = (token: string) => Promise<TokenUser | undefined>;

interface Review {
  readonly until: number;
  readonly user: Promise<TokenUser | undefined>;
}

/** Remembers answers for TOKEN_REVIEW_CACHE_MS under the token's hash; failures are not remembered. */
export function tokenReviewer(kube: KubeClient, clock: Clock): ReviewToken {
  const reviews = new Map<string, Review>();
  return async (token) => {
    const hash = createHash("sha256").update(token).digest("base64");
    const known = reviews.get(hash);
    if (known !== undefined && clock.now() < known.until) return known.user;
    const user = reviewToken(kube, token);
    reviews.delete(hash);
    reviews.set(hash, { until: clock.now() + TOKEN_REVIEW_CACHE_MS, user });
    const [oldest] = reviews.keys();
    if (reviews.size > TOKEN_REVIEWS_MAX && oldest !== undefined) reviews.delete(oldest);
    user.catch(() => reviews.delete(hash));
    return user;
  };
}
