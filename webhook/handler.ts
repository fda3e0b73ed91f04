/** HTTP in front of the admission: answers with the right status, log and notes after the answer. */
import type { Log } from "../core/host/log.ts";
import type { Admitted } from "./admission.ts";
import type { PodNote } from "./events.ts";
import type { Exchange, Reply } from "./exchanges.ts";
import { formatAnswer, readReview, type AdmissionRequest } from "./review.ts";

/** Path of a request → what admits it. */
export type Routes = Readonly<Record<string, (request: AdmissionRequest) => Promise<Admitted>>>;

export interface HandlerOptions {
  readonly routes: Routes;
  readonly log: Log;
  readonly tell: (note: PodNote) => void;
}

/** Answers every request; an unexpected failure is a 500, upon which the API server admits the object unchanged. */
export function createHandler({ routes, log, tell }: HandlerOptions): (exchange: Exchange) => Promise<Reply> {
  return async ({ method, target, body }) => {
    // API servers append their time limit as a query.
    const path = target.split("?")[0] ?? "";
    const admit = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (admit === undefined) return plain(404, `Nothing is admitted at \`${path}\``);
    if (method !== "POST") return plain(405, "Only POST is answered here");
    const review = readReview(body);
    if ("refused" in review) return plain(400, review.refused);
    const { uid, namespace, operation } = review;
    try {
      const { operations, notes, fields } = await admit(review);
      return {
        status: 200,
        contentType: "application/json",
        body: formatAnswer(uid, operations),
        after: () => {
          log("info", "Admitted", { path, uid, namespace, operation, changes: operations.length, ...fields });
          notes.forEach(tell);
        },
      };
    } catch (error) {
      log("error", "Admission failed", { path, uid, namespace, operation, error: String(error) });
      return plain(500, "The admission failed; the log of the webhook says why");
    }
  };
}

function plain(status: number, text: string): Reply {
  return { status, contentType: "text/plain; charset=utf-8", body: `${text}\n` };
}
