/** One command run in a container, over one WebSocket. */
import { AzdsError } from "../errors.ts";
import { type Clock, systemClock } from "../host/clock.ts";
import { EXEC_CLOSE_MS_MAX, FORWARD_MESSAGE_BYTES_MAX } from "../limits.ts";
import { asArray, asString, at } from "../parse.ts";
import { keepAlive } from "./keep-alive.ts";
import { podPath, withQuery } from "./paths.ts";
import { type RawWebSocket, openWebSocket } from "./raw-websocket.ts";
import type { KubeConnection } from "./types.ts";

export interface ExecRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** Program and arguments; no shell is involved. */
  readonly command: readonly string[];
  readonly stdin: boolean;
  /** With a terminal standard error comes as standard output: there is only one device. */
  readonly tty: boolean;
  /** Aborts the opening, and the command's connection once it is open. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

export interface RemoteCommand {
  /** The next output, or `undefined` when the command is over. Nothing is taken from the connection unasked. */
  readonly read: () => Promise<RemoteOutput | undefined>;
  /** To standard input; resolves when more may be written. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Ends standard input. False when the server speaks v4 only, which has no word for it: the command goes on waiting. */
  readonly endInput: () => Promise<boolean>;
  readonly resize: (size: TerminalSize) => Promise<void>;
  /** Known after `read` gave `undefined`. */
  readonly outcome: () => ExecOutcome;
  /** Closes the connection. The kubelet does not end the command for it. */
  readonly abort: (reason?: Error) => void;
}

export interface RemoteOutput {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export type ExecOutcome =
  | { readonly kind: "exited"; readonly code: number }
  /** It was not started, or not to its end. `message` is the server's. */
  | { readonly kind: "failed"; readonly reason: string; readonly message: string }
  /** The connection ended without a word about the command. */
  | { readonly kind: "lost" };

/** v5 adds the end of standard input to v4 (KEP-4006; API servers from 1.30 on). */
const PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"] as const;
const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4, close: 255 } as const;

/** @throws KubeError when the API server refuses, AzdsError CLUSTER_UNREACHABLE, the signal's reason after its abort */
export async function openExec(connection: KubeConnection, request: ExecRequest): Promise<RemoteCommand> {
  const { signal } = request;
  const socket = await openWebSocket(connection, {
    path: execPath(request),
    protocols: PROTOCOLS,
    ...(signal === undefined ? {} : { signal }),
  });
  if (!PROTOCOLS.some((protocol) => protocol === socket.protocol)) {
    socket.abort();
    throw new AzdsError("PROTOCOL", `The API server speaks neither \`${PROTOCOLS.join("` nor `")}\``);
  }
  const exec = new Exec(socket, request.clock ?? systemClock);
  const onAbort = (): void => exec.command.abort(asError(signal?.reason));
  signal?.addEventListener("abort", onAbort, { once: true });
  void exec.over.then(() => signal?.removeEventListener("abort", onAbort));
  if (signal?.aborted === true) onAbort();
  return exec.command;
}

function execPath({ namespace, pod, container, command, stdin, tty }: ExecRequest): string {
  const path = withQuery(`${podPath(namespace, pod)}/exec`, { container, stdin, stdout: true, stderr: !tty, tty });
  return `${path}${command.map((word) => `&command=${encodeURIComponent(word)}`).join("")}`;
}

class Exec {
  readonly command: RemoteCommand = {
    read: () => this.#read(),
    write: (bytes) => this.#write(bytes),
    endInput: () => this.#endInput(),
    resize: ({ columns, rows }) =>
      this.#send(CHANNEL.resize, new TextEncoder().encode(JSON.stringify({ Width: columns, Height: rows }))),
    outcome: () => outcomeOf(this.#status),
    abort: (reason) => {
      this.#finish();
      this.#socket.abort(reason);
    },
  };
  readonly over: Promise<void>;
  readonly #over = Promise.withResolvers<void>();
  readonly #socket: RawWebSocket;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  #status = "";

  constructor(socket: RawWebSocket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.over = this.#over.promise;
    // The next read or write tells that the connection is gone.
    keepAlive(socket, clock, this.#stop.signal).catch(() => {});
  }

  async #read(): Promise<RemoteOutput | undefined> {
    for (;;) {
      const message = await (this.#status === "" ? this.#socket.read() : this.#afterStatus()).catch(
        (error: unknown) => {
          this.#finish();
          this.#socket.abort();
          throw error;
        },
      );
      if (message === undefined) {
        this.#finish();
        this.#socket.abort();
        return undefined;
      }
      const bytes = message.subarray(1);
      if (bytes.length === 0) continue;
      if (message[0] === CHANNEL.stdout) return { stream: "stdout", bytes };
      if (message[0] === CHANNEL.stderr) return { stream: "stderr", bytes };
      if (message[0] === CHANNEL.status) this.#status += new TextDecoder().decode(bytes);
    }
  }

  /** The server closes right after the status; a peer that does not must not hold the command. */
  async #afterStatus(): Promise<Uint8Array | undefined> {
    const late = this.#clock.sleep(EXEC_CLOSE_MS_MAX, this.#stop.signal).catch(() => {});
    return Promise.race([this.#socket.read().catch(() => undefined), late.then(() => undefined)]);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; from += FORWARD_MESSAGE_BYTES_MAX)
      await this.#send(CHANNEL.stdin, bytes.subarray(from, from + FORWARD_MESSAGE_BYTES_MAX));
  }

  async #endInput(): Promise<boolean> {
    if (this.#socket.protocol !== PROTOCOLS[0]) return false;
    await this.#send(CHANNEL.close, Uint8Array.of(CHANNEL.stdin));
    return true;
  }

  async #send(channel: number, payload: Uint8Array): Promise<void> {
    const message = new Uint8Array(1 + payload.length);
    message[0] = channel;
    message.set(payload, 1);
    await this.#socket.send(message);
  }

  #finish(): void {
    this.#stop.abort();
    this.#over.resolve();
  }
}

/** @param status a Status object; its causes carry the exit code */
function outcomeOf(status: string): ExecOutcome {
  if (status === "") return { kind: "lost" };
  const parsed = parsedOr(status);
  if (at(parsed, "status") === "Success") return { kind: "exited", code: 0 };
  const causes = asArray(at(parsed, "details", "causes"));
  const code = Number(
    asString(
      at(
        causes.find((cause) => at(cause, "reason") === "ExitCode"),
        "message",
      ),
    ),
  );
  if (at(parsed, "reason") === "NonZeroExitCode" && Number.isInteger(code)) return { kind: "exited", code };
  return {
    kind: "failed",
    reason: asString(at(parsed, "reason")) ?? "",
    message: (asString(at(parsed, "message")) ?? status).trim(),
  };
}

function parsedOr(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Words of a gateway in between.
    return undefined;
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("Aborted");
}
