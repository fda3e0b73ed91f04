/** Why a stream broke, as it travels to the peer: error code, line feed, message. */
import { AzdsError, isErrorCode } from "../errors.ts";
import { MUX_REASON_CHARS_MAX } from "../limits.ts";

/** Only the code and message of an AzdsError travel: other errors may name files and values of this machine. */
export function encodeReason(reason: Error | undefined): Uint8Array {
  const text =
    reason instanceof AzdsError ? `${reason.code}\n${reason.message}` : "CONNECTION_LOST\nThe peer broke off";
  return new TextEncoder().encode(text.slice(0, MUX_REASON_CHARS_MAX));
}

/** Unknown codes, as of another version, become CONNECTION_LOST. */
export function decodeReason(bytes: Uint8Array): AzdsError {
  const text = new TextDecoder().decode(bytes);
  const cut = text.indexOf("\n");
  const code = text.slice(0, Math.max(cut, 0));
  return new AzdsError(isErrorCode(code) ? code : "CONNECTION_LOST", text.slice(cut + 1) || "The peer broke off");
}
