/** `__proxy-ready`, exec postStart of the sidecar: returns when the first route table and the redirect are there. */
import { PORT } from "../../core/contract.ts";
import { READY_MS_MAX, READY_POLL_MS, REDIRECT_MS_MAX } from "../../core/limits.ts";
import { type Clock, systemClock } from "../../core/host/clock.ts";
import { askAdmin } from "./ask-admin.ts";

/**
 * Always 0: a pod must start although the feed is not there, or nobody on its node to redirect it. Until then the
 * kubelet starts no container behind the sidecar, so an application opens no connection before its redirect.
 */
export async function main(_argv: readonly string[]): Promise<number> {
  const waits = [
    { path: "/redirected", msMax: REDIRECT_MS_MAX },
    { path: "/readyz", msMax: READY_MS_MAX },
  ];
  await Promise.all(
    waits.map(async ({ path, msMax }) => waitUntil(systemClock, () => askAdmin(PORT.admin, path, msMax), msMax)),
  );
  return 0;
}

export async function waitUntil(clock: Clock, ready: () => Promise<boolean>, msMax: number): Promise<void> {
  const begin = clock.now();
  while (clock.now() - begin < msMax) {
    if (await ready()) return;
    await clock.sleep(READY_POLL_MS);
  }
}
