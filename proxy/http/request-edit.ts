/** The request as it goes out: the received bytes, without the lines of the hop, with the lines we add. */
import { HOP_HEADER, ROUTE_HEADER } from "../../core/contract.ts";
import { COMPOSED_BYTES } from "../../core/limits.ts";
import { LentMemory } from "../tcp/lent-memory.ts";
import type { RequestHead } from "./request-head.ts";

const LF = 10;
const COLON = 58;

export interface RequestEdit {
  /** Sets the route header; only for requests that have none. */
  readonly routeAs?: string | undefined;
  /** Member to add to the baggage that the request has; a line of its own joins the list (W3C Baggage §3.3.1). */
  readonly baggage?: string | undefined;
  /** Hop mark: `<namespace>/<service>` that the request has been routed to. */
  readonly mark?: string | undefined;
  readonly lines?: LineEdit | undefined;
}

/** What a gateway does to the head of a request from outside. */
export interface LineEdit {
  /** Names, lower case, of fields that are not passed on. */
  readonly drop: ReadonlySet<string>;
  /** Whole lines with their CRLF. */
  readonly add: string;
}

/** A request as it was received: its head, and its bytes up to `end`, which lies behind the body bytes at hand. */
export interface ReceivedRequest {
  readonly bytes: Buffer;
  readonly head: RequestHead;
  readonly end: number;
}

/** Written and sent within one call; nothing stays in it. Most requests fit. */
const COMPOSED = new LentMemory(COMPOSED_BYTES);

/** As one buffer, for one write: the next request is composed in the same place. An unchanged request is not copied. */
export function composeRequest(request: ReceivedRequest, edit: RequestEdit): Buffer {
  const { bytes, head, end } = request;
  const added = addedLines(edit);
  const cuts = edit.lines === undefined ? head.fields.cuts : cutsOf(bytes, head, edit.lines.drop);
  if (added === "" && cuts.length === 0)
    return head.start === 0 && end === bytes.length ? bytes : bytes.subarray(head.start, end);
  const headEnd = head.end - 2;
  // The cuts make it shorter; views of the parts would cost more than the bytes.
  const bytesMax = end - head.start + added.length;
  const fits = bytesMax <= COMPOSED_BYTES;
  const edited = fits ? COMPOSED.bytes : Buffer.allocUnsafe(bytesMax);
  let length = 0;
  let from = head.start;
  for (let i = 0; i + 1 < cuts.length; i += 2) {
    length += bytes.copy(edited, length, from, cuts[i]);
    from = cuts[i + 1] ?? from;
  }
  length += bytes.copy(edited, length, from, headEnd);
  length += edited.write(added, length, "latin1");
  length += bytes.copy(edited, length, headEnd, end);
  return fits ? COMPOSED.lend(length) : edited.subarray(0, length);
}

function addedLines(edit: RequestEdit): string {
  const routeAs = edit.routeAs === undefined ? "" : `${ROUTE_HEADER}: ${edit.routeAs}\r\n`;
  const baggage = edit.baggage === undefined ? "" : `baggage: ${edit.baggage}\r\n`;
  const mark = edit.mark === undefined ? "" : `${HOP_HEADER}: ${edit.mark}\r\n`;
  return `${edit.lines?.add ?? ""}${routeAs}${baggage}${mark}`;
}

/** Pairs of offsets, ascending: those of the head, and the lines of the named fields. */
function cutsOf(bytes: Buffer, head: RequestHead, names: ReadonlySet<string>): readonly number[] {
  const known = head.fields.cuts;
  const cuts: number[] = [];
  let start = bytes.indexOf(LF, head.start) + 1;
  while (start < head.end - 2) {
    const next = bytes.indexOf(LF, start) + 1;
    const name = bytes.toString("latin1", start, bytes.indexOf(COLON, start)).toLowerCase();
    if (names.has(name) || isCut(known, start)) cuts.push(start, next);
    start = next;
  }
  return cuts;
}

function isCut(cuts: readonly number[], start: number): boolean {
  return cuts.some((offset, index) => index % 2 === 0 && offset === start);
}
