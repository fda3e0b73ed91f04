/** In-cluster programs write one JSON object a line to stderr; `kubectl logs` and any collector can read it. */
export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, unknown>>;
export type Log = (level: LogLevel, message: string, fields?: LogFields) => void;

/** @param write receives whole lines with their line feed. */
export function jsonLog(write: (line: string) => void, program: string): Log {
  return (level, message, fields) => {
    write(`${JSON.stringify({ at: new Date().toISOString(), level, program, message, ...fields })}\n`);
  };
}
