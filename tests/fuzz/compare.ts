/** Reads a text with the proxy's parsers, in pieces, and with the reference; says where they disagree. */
import { type BodyScanner, bodyOf, requestFraming } from "../../proxy/http/body.ts";
import { ChunkedScanner } from "../../proxy/http/chunked.ts";
import { Fault } from "../../proxy/http/head.ts";
import { closesAfter, parseRequestHead, type RequestHead } from "../../proxy/http/request-head.ts";
import { Upstream } from "../../proxy/http/upstream.ts";
import { DISCARD, Wire, type WireSocket } from "../../proxy/tcp/wire.ts";
import { readBody, readRequest, readResponse, responseBodyFraming } from "./reference.ts";

/** `undefined` when both see the same requests, and the same end of each. */
export function compareRequests(text: string, cuts: readonly number[]): string | undefined {
  const [ours, theirs] = [requestsOfProxy(pieces(text, cuts)), requestsOfReference(text)];
  return ours === theirs ? undefined : `the proxy reads ${ours}, the reference ${theirs}`;
}

/** The same of the response to a request of `method`; `ends`: the connection ends behind the text. */
export function compareResponse(
  text: string,
  cuts: readonly number[],
  about: { readonly method: string; readonly ends: boolean },
): string | undefined {
  const [ours, theirs] = [responseOfProxy(pieces(text, cuts), about), responseOfReference(text, about)];
  if (!theirs.verdicts.includes(ours.verdict))
    return `the proxy reads ${ours.verdict}, the reference ${theirs.verdicts.join(" or ")}`;
  if (theirs.passed !== undefined && ours.passed !== theirs.passed)
    return `the proxy passes ${JSON.stringify(ours.passed)}, the reference ${JSON.stringify(theirs.passed)}`;
  return text.startsWith(ours.passed) ? undefined : `the proxy passes other bytes: ${JSON.stringify(ours.passed)}`;
}

/** The same of a chunked body, and what it holds. */
export function compareChunks(text: string, cuts: readonly number[]): string | undefined {
  const [ours, theirs] = [chunksOfProxy(pieces(text, cuts)), readBody(text, 0, "chunked")];
  const expected = typeof theirs === "string" ? theirs : `${JSON.stringify(theirs.content)} to ${theirs.end}`;
  return ours === expected ? undefined : `the proxy reads ${ours}, the reference ${expected}`;
}

function chunksOfProxy(arriving: readonly Buffer[]): string {
  let content = "";
  let offset = 0;
  const scanner = new ChunkedScanner((bytes) => {
    content += bytes.toString("latin1");
  });
  for (const piece of arriving) {
    const end = scanner.scan(piece, 0, piece.length);
    if (end < 0) return "refused";
    offset += end;
    if (scanner.done) return `${JSON.stringify(content)} to ${offset}`;
  }
  return "incomplete";
}

function pieces(text: string, cuts: readonly number[]): readonly Buffer[] {
  const bytes = Buffer.from(text, "latin1");
  return [...cuts, bytes.length].map((end, index) => bytes.subarray(cuts[index - 1] ?? 0, end));
}

function requestsOfProxy(arriving: readonly Buffer[]): string {
  const reader = new RequestReader();
  for (const piece of arriving) reader.add(piece);
  return reader.seen.join(" | ");
}

/** As an exchange reads its client's bytes. */
class RequestReader {
  readonly seen: string[] = [];
  #input: Buffer = Buffer.alloc(0);
  #offset = 0;
  #body: BodyScanner | undefined;
  #refused = false;

  add(piece: Buffer): void {
    this.#input = Buffer.concat([this.#input, piece]);
    while (!this.#refused && this.#readOne());
  }

  /** Whether there may be more to read. */
  #readOne(): boolean {
    const head = this.#body === undefined ? parseRequestHead(this.#input, 0) : undefined;
    if (head instanceof Fault) return this.#refuse();
    if (head !== undefined) {
      this.#body = bodyOf(requestFraming(head));
      this.seen.push(described(head));
    }
    const body = this.#body;
    if (body === undefined) return false;
    const end = body.scan(this.#input, head?.end ?? 0, this.#input.length);
    if (end < 0) return this.#refuse();
    this.#input = this.#input.subarray(end);
    this.#offset += end;
    if (!body.done) return false;
    this.seen.push(`to ${this.#offset}`);
    this.#body = undefined;
    return true;
  }

  #refuse(): false {
    this.#refused = true;
    this.seen.push("refused");
    return false;
  }
}

function requestsOfReference(text: string): string {
  const seen: string[] = [];
  let at = 0;
  for (;;) {
    const head = readRequest(text, at);
    if (head === "incomplete") return seen.join(" | ");
    if (head === "refused") return [...seen, head].join(" | ");
    const { method, target, http10, closes, host } = head;
    seen.push(`${method} ${target} ${String(http10)} ${String(closes)} ${String(host)}`);
    const body = readBody(text, head.end, head.framing);
    if (body === "incomplete") return seen.join(" | ");
    if (body === "refused") return [...seen, body].join(" | ");
    seen.push(`to ${body.end}`);
    at = body.end;
  }
}

function described(head: RequestHead): string {
  return `${head.method} ${head.target} ${String(head.http10)} ${String(closesAfter(head))} ${String(head.fields.host)}`;
}

interface Response {
  readonly verdict: string;
  readonly passed: string;
}

function responseOfProxy(
  arriving: readonly Buffer[],
  about: { readonly method: string; readonly ends: boolean },
): Response {
  let verdict = "waiting";
  let passed = "";
  const wire = new Wire(NO_SOCKET, DISCARD);
  const upstream = new Upstream(wire, {
    began: () => {},
    forward: (bytes) => {
      passed += bytes.toString("latin1");
      return true;
    },
    responded: (answered) => {
      verdict = answered.reusable ? "answered" : "answered, then closed";
    },
    switched: (_upstream, bytes) => {
      verdict = "switched";
      passed += bytes.toString("latin1");
    },
    lost: (_upstream, error) => {
      verdict = error === undefined ? "lost" : "refused";
    },
    drained: () => {},
  });
  upstream.begin(about.method);
  for (const piece of arriving) {
    if (piece.length > 0 && verdict === "waiting") upstream.data(wire, piece);
  }
  if (about.ends && verdict === "waiting") upstream.end();
  return { verdict, passed };
}

interface Expected {
  readonly verdicts: readonly string[];
  /** Absent where it depends on the pieces. */
  readonly passed?: string;
}

function responseOfReference(text: string, about: { readonly method: string; readonly ends: boolean }): Expected {
  const unfinished = about.ends ? ["lost"] : ["waiting"];
  let at = 0;
  for (;;) {
    const head = readResponse(text, at);
    if (head === "refused") return { verdicts: ["refused"] };
    if (head === "incomplete") return { verdicts: unfinished };
    if (head.status === 101 || (about.method === "CONNECT" && head.status >= 200 && head.status < 300))
      return { verdicts: ["switched"] };
    at = head.end;
    if (head.status < 200) continue;
    const framing = responseBodyFraming(head, about.method);
    if (framing === "undetermined")
      return { verdicts: about.ends ? ["answered, then closed"] : ["waiting"], passed: text };
    const body = readBody(text, at, framing);
    if (body === "refused") return { verdicts: ["refused"] };
    if (body === "incomplete") return { verdicts: unfinished };
    const passed = text.slice(0, body.end);
    if (head.closes) return { verdicts: ["answered, then closed"], passed };
    // What comes with the last bytes and belongs to no request ends the connection; what comes later is seen later.
    const more = text.length > body.end;
    return { verdicts: more ? ["answered", "answered, then closed"] : ["answered"], passed };
  }
}

const NO_SOCKET: WireSocket = {
  write: (bytes) => bytes.length,
  shutdown: () => {},
  end: () => {},
  terminate: () => {},
  pause: () => {},
  resume: () => {},
};
