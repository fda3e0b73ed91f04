/** The leader's loop. */
import { RECONCILE_DELAY_MS, RECONCILE_MS } from "../../core/limits.ts";
import { aborted } from "../aborted.ts";
import { ensureCertificates } from "../certificates/certificates.ts";
import { reconcileClones } from "../ingress/reconcile-clones.ts";
import { reconcileIngressStatus } from "../ingress/reconcile-status.ts";
import type { Bell } from "./bell.ts";
import { reconcilePullSecrets } from "./pull-secrets.ts";
import { reconcileBindings, reconcileSessions, type ReconcileContext } from "./reconcile.ts";
import type { Sightings } from "./stale-sessions.ts";

export interface LeadOptions extends ReconcileContext {
  /** Resolves when the index knows the whole cluster. */
  readonly synced: Promise<void>;
  /** Rings when spaces changed. */
  readonly bell: Bell;
  /** See ControllerOptions. */
  readonly pullSecret: string;
}

/** Reconciles at once, after each ring and every RECONCILE_MS until the signal. Never rejects. */
export async function lead(options: LeadOptions, signal: AbortSignal): Promise<void> {
  const { kube, clock, bell, log } = options;
  let sightings: Sightings = new Map();
  const attempt = async (what: string, act: () => Promise<void>): Promise<void> => {
    try {
      await act();
    } catch (error) {
      if (!signal.aborted) log("warn", `${what} could not be reconciled`, { error: String(error) });
    }
  };
  await Promise.race([options.synced, aborted(signal)]);
  while (!signal.aborted) {
    await Promise.all([
      attempt("Role bindings", async () => reconcileBindings(options, signal)),
      attempt("Clones of Ingresses", async () => reconcileClones(options, signal)),
      attempt("Addresses of Ingresses", async () => reconcileIngressStatus(options, signal)),
      attempt("Pull secrets", async () => reconcilePullSecrets(options, options.pullSecret, signal)),
      attempt("Certificates", async () => ensureCertificates(kube, { now: clock.now(), renew: true })),
      attempt("Sessions", async () => {
        sightings = await reconcileSessions(options, sightings, signal);
      }),
    ]);
    await bell.wait(RECONCILE_MS, signal);
    await clock.sleep(RECONCILE_DELAY_MS, signal).catch(() => undefined);
  }
}
