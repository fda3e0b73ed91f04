/** The running webhook: what it follows, what it serves, when it is ready, how it leaves. */
import { COMPONENT } from "../core/contract.ts";
import { watchCertificate } from "../core/host/certificate.ts";
import type { Clock } from "../core/host/clock.ts";
import { serveHealth } from "../core/host/health-server.ts";
import type { Log } from "../core/host/log.ts";
import type { KubeClient } from "../core/kube/types.ts";
import { ADMISSION_BODY_BYTES_MAX, ADMISSION_DRAIN_MS } from "../core/limits.ts";
import { admitPod } from "./admission.ts";
import { recordCreator } from "./creator.ts";
import { createEvents } from "./events.ts";
import { serveExchanges } from "./exchanges.ts";
import { createHandler, type Routes } from "./handler.ts";
import { createInstallation } from "./installation.ts";
import type { WebhookSettings } from "./settings.ts";
import { createSpaces } from "./spaces.ts";

export interface WebhookOptions {
  readonly kube: KubeClient;
  readonly settings: WebhookSettings;
  /** 0 takes any free port. */
  readonly ports: { readonly admission: number; readonly health: number };
  readonly clock: Clock;
  readonly log: Log;
  /** Something that must be followed can be followed no more; the program should end and be started anew. */
  readonly onFailure: (error: unknown) => void;
}

export interface RunningWebhook extends AsyncDisposable {
  readonly ports: { readonly admission: number; readonly health: number };
  /** Unready at once, then answers for ADMISSION_DRAIN_MS more, then finishes what is at work. */
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/** Rejects when a port cannot be had. */
export async function startWebhook(options: WebhookOptions): Promise<RunningWebhook> {
  const { kube, clock, log } = options;
  const follow = new AbortController();
  const spaces = createSpaces(kube);
  const installation = createInstallation(kube, options.settings);
  let certified = false;
  let leaving = false;
  const routes: Routes = {
    "/pods": async (request) => {
      const settings = installation.settings();
      if (settings === undefined) throw new Error(`Not known yet: ${installation.missing().join(", ")}`);
      return admitPod(request, { kube, spaces, settings });
    },
    "/namespaces": async (request) => Promise.resolve({ operations: recordCreator(request), notes: [], fields: {} }),
  };
  const server = await serveExchanges({
    port: options.ports.admission,
    bodyBytesMax: ADMISSION_BODY_BYTES_MAX,
    respond: createHandler({ routes, log, tell: createEvents({ kube, clock, log }) }),
    leaving: () => leaving,
  });
  const waitingFor = (): readonly string[] => [
    ...(certified ? [] : ["certificate"]),
    ...installation.missing(),
    ...(spaces.synced() ? [] : ["list of spaces"]),
    ...(leaving ? ["shutdown"] : []),
  ];
  const health = await serveHealth(options.ports.health, waitingFor);
  watchCertificate(kube, `${COMPONENT.webhook}-tls`, {
    signal: follow.signal,
    onChange: (certificate) => {
      server.reload(certificate);
      certified = true;
      log("info", "Certificate loaded");
    },
  });
  const following = Promise.all([spaces.follow(follow.signal), installation.follow(follow.signal)]).catch(
    (error: unknown) => {
      if (!follow.signal.aborted) options.onFailure(error);
    },
  );
  const stop = async (): Promise<void> => {
    leaving = true;
    await clock.sleep(ADMISSION_DRAIN_MS);
    await server.close();
    follow.abort();
    await following;
    await health.close();
  };
  return { ports: { admission: server.port, health: health.port }, [Symbol.asyncDispose]: stop };
}
