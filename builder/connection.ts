/** One client: hello, its token's review, welcome; then its streams until it leaves. */
import type { BuilderWelcome } from "../core/builder-protocol.ts";
import { AzdsError } from "../core/errors.ts";
import type { Clock } from "../core/host/clock.ts";
import type { Log } from "../core/host/log.ts";
import { BUILDER_HELLO_BYTES_MAX, BUILDER_HELLO_MS_MAX } from "../core/limits.ts";
import { expectString, member, parseJson } from "../core/parse.ts";
import { parseRulesRequest, RULES_PROTOCOL, type RulesAnswer, type RulesRequest } from "../core/redirect-protocol.ts";
import type { ByteStream } from "../core/wire/byte-stream.ts";
import { type FirstLine, readLine } from "../core/wire/lines.ts";
import { createMux } from "../core/wire/mux.ts";
import type { AskRules } from "./ask-rules.ts";
import type { Identify, Identity } from "./identity.ts";

/** What a client's streams may touch. */
export interface Client extends Identity {
  /** Opens a stream at the client. */
  readonly open: (name: string) => ByteStream;
  /** Aborted when the connection is over. */
  readonly signal: AbortSignal;
}

/** Serves the stream `name`. A rejection breaks that stream only. */
export type ServeStream = (client: Client, name: string, stream: ByteStream) => Promise<void>;

export interface ConnectionPorts {
  readonly identify: Identify;
  readonly serve: ServeStream;
  readonly rules: AskRules;
  readonly clock: Clock;
  readonly log: Log;
}

/** Resolves when the connection is over. Never rejects. */
export async function serveConnection(carrier: ByteStream, ports: ConnectionPorts): Promise<void> {
  try {
    const welcomed = await welcome(carrier, ports);
    if (welcomed !== undefined) await serveStreams(welcomed.rest, welcomed.identity, ports);
  } catch (error) {
    ports.log("warn", "A connection broke before its first stream", { error: String(error) });
    carrier.abort(error instanceof Error ? error : undefined);
  }
}

interface Welcomed {
  readonly identity: Identity;
  readonly rest: ByteStream;
}

/** `undefined` when the client was turned away, or was a sidecar, which has got its one answer. */
async function welcome(carrier: ByteStream, ports: ConnectionPorts): Promise<Welcomed | undefined> {
  const { line, rest } = await readHello(carrier, ports.clock);
  try {
    const hello = parseHello(line);
    const identity = await ports.identify(hello.token);
    if (hello.request === undefined) {
      await sendLine(carrier, { ok: true });
      return { identity, rest };
    }
    await sendLine(carrier, await ports.rules(identity, hello.request));
    await carrier.end();
    return undefined;
  } catch (error) {
    const refusal =
      error instanceof AzdsError
        ? error
        : new AzdsError("BUILDER_UNAVAILABLE", "The builder could not have the token checked", { cause: error });
    ports.log("warn", "A client was turned away", { reason: refusal.message, error: String(error) });
    await sendLine(carrier, { ok: false, code: refusal.code, message: refusal.message });
    await carrier.end();
    return undefined;
  }
}

async function readHello(carrier: ByteStream, clock: Clock): Promise<FirstLine> {
  const heard = new AbortController();
  clock.sleep(BUILDER_HELLO_MS_MAX, heard.signal).then(
    () => carrier.abort(new AzdsError("TIMED_OUT", "The client did not say who it is")),
    () => {},
  );
  try {
    return await readLine(carrier, BUILDER_HELLO_BYTES_MAX);
  } finally {
    heard.abort();
  }
}

interface Hello {
  readonly token: string;
  /** Set where the client is a sidecar that asks something of its node. */
  readonly request?: RulesRequest;
}

/** @throws AzdsError PROTOCOL */
function parseHello(line: string): Hello {
  const place = { code: "PROTOCOL", path: "hello" } as const;
  const hello = parseJson(line, place);
  const protocol = member(hello, "protocol");
  if (protocol !== "azds-builder/1" && protocol !== RULES_PROTOCOL) {
    throw new AzdsError("PROTOCOL", "The client speaks another version of the builder's protocol");
  }
  const token = expectString(member(hello, "token"), { ...place, path: "hello.token" });
  return protocol === RULES_PROTOCOL ? { token, request: parseRulesRequest(hello) } : { token };
}

async function sendLine(carrier: ByteStream, answer: BuilderWelcome | RulesAnswer): Promise<void> {
  await carrier.write(new TextEncoder().encode(`${JSON.stringify(answer)}\n`));
}

async function serveStreams(carrier: ByteStream, identity: Identity, ports: ConnectionPorts): Promise<void> {
  const gone = new AbortController();
  const accept = (name: string, stream: ByteStream): void => {
    ports
      .serve({ ...identity, open: (at) => mux.open(at), signal: gone.signal }, name, stream)
      .catch((error: unknown) => {
        if (!(error instanceof AzdsError))
          ports.log("error", "A stream failed", { ...identity, stream: name, error: String(error) });
        stream.abort(error instanceof Error ? error : undefined);
      });
  };
  const mux = createMux(carrier, { role: "server", accept });
  await mux.closed;
  gone.abort(new AzdsError("CONNECTION_LOST", "The client is gone"));
}
