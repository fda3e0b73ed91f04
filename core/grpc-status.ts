/** Statuses of gRPC calls (gRPC, doc/statuscodes.md), by name and number. Pure. */

/** In the order of their numbers. */
const NAMES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** Those that are the server's fault (OpenTelemetry, semantic conventions for gRPC, spans of servers). */
const FAULTS: ReadonlySet<string> = new Set([
  "UNKNOWN",
  "DEADLINE_EXCEEDED",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
]);

/** `UNAVAILABLE`, or `17` for one without a name. */
export function grpcStatusName(code: number): string {
  return NAMES[code] ?? String(code);
}

/** `grpc:UNAVAILABLE`, or `grpc:17` for one without a name. */
export function grpcWord(code: number): string {
  return `grpc:${grpcStatusName(code)}`;
}

/** Of the field `grpc-status`; -1 for what is no status. */
export function parseGrpcStatus(text: string): number {
  return /^\d{1,3}$/.test(text) ? Number(text) : -1;
}

/** The call failed. */
export function isGrpcError(code: number | undefined): boolean {
  return code !== undefined && code !== 0;
}

/** It failed, and its server is at fault. */
export function isGrpcFault(code: number | undefined): boolean {
  return code !== undefined && FAULTS.has(NAMES[code] ?? "");
}

/** Of `grpc:14` or `grpc:unavailable`, lower case; `undefined` for any other word. */
export function grpcCodeOf(word: string): number | undefined {
  const text = /^grpc:(?<status>\w+)$/.exec(word)?.groups?.["status"];
  if (text === undefined) return undefined;
  if (/^\d{1,3}$/.test(text)) return Number(text);
  const code = NAMES.findIndex((name) => name.toLowerCase() === text);
  return code < 0 ? undefined : code;
}
