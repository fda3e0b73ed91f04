/**
 * The way back: files that a container made or changed come to the developer's machine, on a stream that the CLI opens
 * and keeps, in rounds:
 *
 *     CLI                          agent
 *     globs                   →
 *                             ←    changed… (the last says so): at once what is there, later when something changed
 *     wanted                  →    hashes of the contents that the CLI lacks
 *                             ←    content… (bodies of one MiB at most), for each hash that was wanted
 *
 * The first round comes also when there is nothing, so that the CLI knows that it was looked.
 */
import { AzdsError } from "../errors.ts";
import { asArray, asString, isObject, member } from "../parse.ts";
import type { ByteStream } from "../wire/byte-stream.ts";
import { type Message, messageReader, sendMessage } from "../wire/messages.ts";
import { parseEntry, parseHash, type TreeEntry } from "./manifest.ts";

/** A regular file as the container has it. */
export interface BackFile {
  readonly path: string;
  readonly mode: number;
  readonly size: number;
  readonly sha256: string;
  /** Hash of what was brought there last; absent where nothing was. */
  readonly base?: string;
}

export type BackRequest =
  | { readonly type: "globs"; readonly globs: readonly string[] }
  | { readonly type: "wanted"; readonly hashes: readonly string[] };

export type BackEvent =
  | { readonly type: "changed"; readonly files: readonly BackFile[]; readonly last: boolean }
  /** The next bytes of a content. `changed`: what was sent of it is worth nothing; a later round tells of the file anew. */
  | { readonly type: "content"; readonly sha256: string; readonly state: "more" | "last" | "changed" };

/** What becomes of the files on the developer's machine. */
export interface BackTaker {
  /** Those of the round whose contents are needed. */
  readonly wanted: (files: readonly BackFile[]) => Promise<readonly BackFile[]>;
  /** The bytes are not checked yet; whatever `chunks` throws means that they are worth nothing. */
  readonly take: (sha256: string, chunks: AsyncIterable<Uint8Array>) => Promise<void>;
  /** All of the round has come. */
  readonly done: () => Promise<void>;
}

/** The content changed while it was read. */
export class BackContentChanged extends Error {}

/**
 * Follows the files until the stream ends.
 * @throws AzdsError CONNECTION_LOST, PROTOCOL or the agent's code; what `taker` throws
 */
export async function followBack(stream: ByteStream, globs: readonly string[], taker: BackTaker): Promise<void> {
  const reader = messageReader(stream);
  const send = (request: BackRequest): Promise<void> => sendMessage(stream, request);
  const next = async (): Promise<{ readonly event: BackEvent; readonly body: Uint8Array } | undefined> => {
    const message = await reader.next();
    return message === undefined ? undefined : { event: parseBackEvent(message), body: message.body };
  };
  try {
    await send({ type: "globs", globs });
    let files: BackFile[] = [];
    for (let message = await next(); message !== undefined; message = await next()) {
      if (message.event.type !== "changed") throw outOfTurn();
      files.push(...message.event.files);
      if (!message.event.last) continue;
      const hashes = [...new Set((await taker.wanted(files)).map(({ sha256 }) => sha256))];
      await send({ type: "wanted", hashes });
      for (const sha256 of hashes) await taker.take(sha256, contentOf(sha256, next));
      await taker.done();
      files = [];
    }
    await stream.end();
  } catch (error) {
    stream.abort(error instanceof Error ? error : undefined);
    throw error;
  }
}

async function* contentOf(
  sha256: string,
  next: () => Promise<{ readonly event: BackEvent; readonly body: Uint8Array } | undefined>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const message = await next();
    if (message === undefined) throw new AzdsError("CONNECTION_LOST", "The agent ended the connection within a file");
    const { event, body } = message;
    if (event.type !== "content" || event.sha256 !== sha256) throw outOfTurn();
    if (event.state === "changed") throw new BackContentChanged();
    yield body;
    if (event.state === "last") return;
  }
}

/** @throws AzdsError PROTOCOL */
export function parseBackRequest({ head }: Message): BackRequest {
  const words = (key: string): readonly string[] => asArray(member(head, key)).flatMap((word) => asString(word) ?? []);
  switch (member(head, "type")) {
    case "globs":
      return { type: "globs", globs: words("globs") };
    case "wanted":
      return { type: "wanted", hashes: words("hashes") };
    default:
      throw outOfTurn();
  }
}

function parseBackEvent({ head }: Message): BackEvent {
  if (isObject(head) && head["type"] === "changed")
    return { type: "changed", files: asArray(head["files"]).map(parseFile), last: head["last"] === true };
  const state = member(head, "state");
  if (member(head, "type") === "content" && (state === "more" || state === "last" || state === "changed"))
    return { type: "content", sha256: parseHash(member(head, "sha256")), state };
  throw outOfTurn();
}

function parseFile(value: unknown): BackFile {
  const { path, mode, size, sha256 = "" }: TreeEntry = parseEntry({ ...(isObject(value) ? value : {}), kind: "file" });
  const base = asString(member(value, "base"));
  return { path, mode, size, sha256, ...(base === undefined ? {} : { base: parseHash(base) }) };
}

function outOfTurn(): AzdsError {
  return new AzdsError("PROTOCOL", "The peer sent a message out of turn while files were brought back");
}
