/** The way of one request, decided as gateway and sidecars decide it, with each step told. Pure. */
import { AzdsError } from "../../core/errors.ts";
import { knownUrls } from "../../core/from-outside.ts";
import { ROUTE_NAMES_MAX } from "../../core/limits.ts";
import type { Explanation } from "./explanation.ts";
import { fromIngress } from "./from-ingress.ts";
import { fromOutside, isGatewayHost } from "./from-outside.ts";
import { fromPod, refuseName } from "./from-pod.ts";
import { type Question, suffixOf } from "./question.ts";
import { listed } from "./words.ts";

/** @throws AzdsError HOST_UNKNOWN, SERVICE_NOT_FOUND */
export function explain(question: Question): Explanation {
  const isOutside = isGatewayHost(question);
  // A name of the cluster's DNS means in a pod what it means; nobody outside knows it.
  const found = isOutside
    ? (fromOutside(question) ?? fromIngress(question))
    : (fromPod(question) ?? fromIngress(question) ?? fromOutside(question));
  if (found !== undefined) return found;
  if (!isOutside) refuseName(question);
  const urls = knownUrls(question.routes.table, suffixOf(question));
  const known = urls.length === 0 ? "" : `; of this tree there are ${listed(urls, ROUTE_NAMES_MAX)}`;
  const what = isOutside
    ? "names no service of this tree of dev spaces"
    : "is no service, no Ingress, no HTTPRoute and no host of azds";
  throw new AzdsError("HOST_UNKNOWN", `\`${question.address.host}\` ${what}${known}`);
}
