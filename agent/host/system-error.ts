/** What the system says, in words for whoever sees a path listed as not written. */

import { AzdsError } from "../../core/errors.ts";

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** @throws the error itself when it is a bug */
export function explainSystemError(error: unknown): string {
  if (error instanceof AzdsError) return error.message;
  const code = codeOf(error);
  switch (code) {
    case undefined:
      throw error;
    case "EACCES":
    case "EPERM":
      return `User ${process.getuid?.() ?? "of the container"} may not write there`;
    case "EROFS":
      return "It lies on a read-only file system";
    case "EBUSY":
      return "Something is mounted there";
    case "ENOTEMPTY":
    case "EEXIST":
      return "A folder is there, with files that were not synced";
    case "ENOSPC":
    case "EDQUOT":
      return "The disk is full";
    default:
      return `The system refused it (${code})`;
  }
}
