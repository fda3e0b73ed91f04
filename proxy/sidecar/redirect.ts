/** Pods that may not redirect themselves: the node is asked, again and again, and the truth is told meanwhile. */
import type { Clock } from "../../core/host/clock.ts";
import type { Log } from "../../core/host/log.ts";
import {
  REDIRECT_ASK_MS_MAX,
  REDIRECT_MS_MAX,
  REDIRECT_RETRY_MS_MAX,
  REDIRECT_RETRY_MS_MIN,
} from "../../core/limits.ts";
import { REDIRECT_NOTE_PATH, type RedirectNote } from "../../core/redirect-protocol.ts";
import type { SidecarConfig } from "../../core/sidecar-config.ts";
import { askOnce } from "./exchange-once.ts";

export interface RedirectOptions {
  readonly ask: () => Promise<void>;
  /** Tells people, through the controller. Best effort. */
  readonly tell: (note: RedirectNote) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface Redirect {
  /** False while connections pass this pod's sidecar by. */
  readonly made: () => boolean;
  /** Resolves with the redirect or the signal; never rejects. */
  readonly done: Promise<void>;
}

/** Of a pod whose init container has made it. */
export const REDIRECTED: Redirect = { made: () => true, done: Promise.resolve() };

export function keepAsking(ports: RedirectOptions): Redirect {
  let made = false;
  const ask = async (): Promise<void> => {
    made = await askUntilMade(ports);
  };
  return { made: () => made, done: ask() };
}

/** False when the signal came first. */
async function askUntilMade({ ask, tell, clock, log, signal }: RedirectOptions): Promise<boolean> {
  const begin = clock.now();
  let told = false;
  let retry = REDIRECT_RETRY_MS_MIN;
  while (!isAborted(signal)) {
    try {
      await ask();
      log("info", "The node has redirected this pod");
      if (told) await tell({ redirected: true, reason: "" });
      return true;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!told && clock.now() - begin >= REDIRECT_MS_MAX - REDIRECT_ASK_MS_MAX) {
        told = true;
        log("warn", "This pod is not redirected; its traffic passes without the sidecar", { error: reason });
        await tell({ redirected: false, reason });
      }
    }
    await clock.sleep(retry, signal).catch(() => undefined);
    retry = Math.min(retry * 2, REDIRECT_RETRY_MS_MAX);
  }
  return false;
}

export async function tellController(config: SidecarConfig, token: string, note: RedirectNote): Promise<void> {
  const { controller: server, ca } = config;
  const body = JSON.stringify(note);
  const head = [
    `POST ${REDIRECT_NOTE_PATH} HTTP/1.1`,
    `Host: ${server.serverName}`,
    `Authorization: Bearer ${token}`,
    "Connection: close",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  await askOnce({ server, ca, text: `${head.join("\r\n")}\r\n\r\n${body}`, msMax: REDIRECT_ASK_MS_MAX });
}

/** A function, because the signal changes while we wait and TypeScript assumes it does not. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
