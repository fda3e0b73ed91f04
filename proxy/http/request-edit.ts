/** The request as it goes out: the received bytes, without the lines of the hop, with the lines we add. */
import { HOP_HEADER, ROUTE_HEADER } from "../../core/contract.ts";
import type { RequestHead } from "./request-head.ts";

export interface RequestEdit {
  /** Sets the route header; only for requests that have none. */
  readonly routeAs?: string | undefined;
  /** Hop mark: `<namespace>/<service>` that the request has been routed to. */
  readonly mark?: string | undefined;
}

/** A request as it was received: its head, and its bytes up to `end`, which lies behind the body bytes at hand. */
export interface ReceivedRequest {
  readonly bytes: Buffer;
  readonly head: RequestHead;
  readonly end: number;
}

/** As one buffer, for one write. An unchanged request is not copied. */
export function composeRequest(request: ReceivedRequest, edit: RequestEdit): Buffer {
  const { bytes, head, end } = request;
  const added = addedLines(edit);
  const cuts = head.fields.cuts;
  if (added === "" && cuts.length === 0) return bytes.subarray(head.start, end);
  const headEnd = head.end - 2;
  const parts: Buffer[] = [];
  let from = head.start;
  for (let i = 0; i + 1 < cuts.length; i += 2) {
    parts.push(bytes.subarray(from, cuts[i]));
    from = cuts[i + 1] ?? from;
  }
  parts.push(bytes.subarray(from, headEnd), Buffer.from(added, "latin1"), bytes.subarray(headEnd, end));
  return Buffer.concat(parts);
}

function addedLines(edit: RequestEdit): string {
  const routeAs = edit.routeAs === undefined ? "" : `${ROUTE_HEADER}: ${edit.routeAs}\r\n`;
  return edit.mark === undefined ? routeAs : `${routeAs}${HOP_HEADER}: ${edit.mark}\r\n`;
}
