/** One short question over TLS and its answer, on Bun's socket: `fetch` and `node:tls` cost 3 and 7 MiB of resident memory. */
import { SHORT_ANSWER_BYTES_MAX } from "../../core/limits.ts";
import type { ServerAddress } from "../../core/sidecar-config.ts";

export interface Question {
  readonly server: ServerAddress;
  /** PEM of the authority that signed the server's certificate. */
  readonly ca: string;
  readonly text: string;
  /** From the dial to the end of the answer. */
  readonly msMax: number;
}

/** All that the server says before it closes, or up to the first line feed. Rejects when that is nothing. */
export async function askOnce({ server, ca, text, msMax }: Question): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let answer = "";
  const end = (error?: Error | null): void => {
    if (answer === "") reject(error ?? new Error("The connection was closed without an answer"));
    else resolve(answer);
  };
  const late = setTimeout(() => reject(new Error(`No answer within ${msMax / 1000} s`)), msMax);
  // An authority that is none is told by a throw.
  const connect = async () =>
    Bun.connect({
      hostname: server.address,
      port: server.port,
      tls: { ca, serverName: server.serverName, rejectUnauthorized: true },
      socket: {
        handshake: (socket, trusted, error) => {
          if (trusted) socket.write(text);
          else reject(error ?? new Error("The server's certificate is not trusted"));
        },
        data: (_socket, bytes) => {
          answer += bytes.toString("utf8");
          if (answer.includes("\n") || answer.length > SHORT_ANSWER_BYTES_MAX) resolve(answer);
        },
        end: () => end(),
        close: (_socket, error) => end(error),
        error: (_socket, error) => end(error),
        connectError: (_socket, error) => reject(error),
      },
    });
  const socket = connect().catch((error: unknown) => {
    reject(error instanceof Error ? error : new Error(String(error)));
    return undefined;
  });
  try {
    return await promise;
  } finally {
    clearTimeout(late);
    void socket.then((open) => open?.terminate());
  }
}
