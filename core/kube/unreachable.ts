import { AzdsError } from "../errors.ts";
import type { KubeConnection } from "./types.ts";

/** System error codes in words; Bun's own sentences ask questions instead. */
const WORDS: Readonly<Record<string, string>> = {
  ConnectionRefused: "connection refused",
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection was reset",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  ENOTFOUND: "the host name is unknown",
  EAI_AGAIN: "the host name cannot be resolved now",
  ETIMEDOUT: "the connection timed out",
};

/** @param why the failure of the connection, or its cause in words */
export function unreachable(connection: KubeConnection, why: unknown, options?: ErrorOptions): AzdsError {
  const cause = typeof why === "string" ? why : wordsOf(why);
  const message = `The API server \`${connection.server}\` cannot be reached: ${cause}`;
  return new AzdsError("CLUSTER_UNREACHABLE", message, options ?? { cause: why });
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? String(error.code) : "";
  return WORDS[code] ?? error.message.replace(/\.$/, "");
}
