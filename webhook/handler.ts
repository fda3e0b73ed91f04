/** HTTP in front of the admission: bodies with a limit, answers with the right status, notes after the answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Log } from "../core/host/log.ts";
import { ADMISSION_BODY_BYTES_MAX } from "../core/limits.ts";
import type { Admitted } from "./admission.ts";
import type { PodNote } from "./events.ts";
import { formatAnswer, readReview, type AdmissionRequest } from "./review.ts";

/** Path of a request → what admits it. */
export type Routes = Readonly<Record<string, (request: AdmissionRequest) => Promise<Admitted>>>;

export interface HandlerOptions {
  readonly routes: Routes;
  readonly log: Log;
  readonly tell: (note: PodNote) => void;
  /** True while the server is on its way out: answers then end their connection, so that the next one goes elsewhere. */
  readonly leaving: () => boolean;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly notes?: readonly PodNote[];
}

/** Answers every request; an unexpected failure is a 500, upon which the API server admits the object unchanged. */
export function createHandler(options: HandlerOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const answer = await answerTo(request, options);
    const complete = request.complete && !options.leaving();
    response.writeHead(answer.status, {
      "content-type": answer.status === 200 ? "application/json" : "text/plain; charset=utf-8",
      "content-length": Buffer.byteLength(answer.body),
      ...(complete ? {} : { connection: "close" }),
    });
    response.end(answer.body);
    answer.notes?.forEach(options.tell);
  };
  return (request, response) => {
    handle(request, response).catch((error: unknown) => {
      options.log("error", "Request could not be answered", { path: request.url, error: String(error) });
      response.destroy();
    });
  };
}

async function answerTo(request: IncomingMessage, { routes, log }: HandlerOptions): Promise<Answer> {
  const path = new URL(request.url ?? "/", "https://webhook").pathname;
  const admit = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (admit === undefined) return { status: 404, body: `Nothing is admitted at \`${path}\`\n` };
  if (request.method !== "POST") return { status: 405, body: "Only POST is answered here\n" };
  const body = await readBody(request);
  if (body === undefined) return { status: 413, body: `The body is larger than ${ADMISSION_BODY_BYTES_MAX} bytes\n` };
  const review = readReview(body);
  if ("refused" in review) return { status: 400, body: `${review.refused}\n` };
  const { uid, namespace, operation } = review;
  try {
    const { operations, notes, fields } = await admit(review);
    log("info", "Admitted", { path, uid, namespace, operation, changes: operations.length, ...fields });
    return { status: 200, body: formatAnswer(uid, operations), notes };
  } catch (error) {
    log("error", "Admission failed", { path, uid, namespace, operation, error: String(error) });
    return { status: 500, body: "The admission failed; the log of the webhook says why\n" };
  }
}

/** The whole body as text; `undefined` as soon as it exceeds the limit. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const incoming: AsyncIterable<Uint8Array> = request;
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of incoming) {
    length += chunk.byteLength;
    if (length > ADMISSION_BODY_BYTES_MAX) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
