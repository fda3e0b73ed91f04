/** The builder as a whole: its server, its clients, and the order on its disk. */
import { COMPONENT } from "../core/contract.ts";
import { tlsSecretName, watchCertificate } from "../core/host/certificate.ts";
import type { Clock } from "../core/host/clock.ts";
import { serveHealth } from "../core/host/health-server.ts";
import type { Log } from "../core/host/log.ts";
import { type SecureServer, serveTls } from "../core/host/tls-server.ts";
import type { KubeClient } from "../core/kube/types.ts";
import { streamOfSocket } from "../core/wire/socket-stream.ts";
import type { AskRules } from "./ask-rules.ts";
import { keepClean } from "./cleanup.ts";
import { serveConnection, type ServeStream } from "./connection.ts";
import { tokenIdentity } from "./identity.ts";

export interface BuilderOptions {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 takes any free port. */
  readonly port: number;
  readonly healthPort: number;
  /** Folder of all namespaces. */
  readonly root: string;
  readonly serve: ServeStream;
  readonly rules: AskRules;
  /** Streams at work by namespace; counted here, from the beginning. */
  readonly busy: Map<string, number>;
  /** Called once the server has its certificate and listens. */
  readonly onListening?: (port: number) => void;
}

/** Runs until the signal. Rejects when the port cannot be had. */
export async function runBuilder(options: BuilderOptions, signal: AbortSignal): Promise<void> {
  const { kube, clock, log, root, rules, busy } = options;
  const failed = Promise.withResolvers<never>();
  const connection = { clock, log, identify: tokenIdentity(kube), rules, serve: counted(options.serve, busy) };
  let server: Promise<SecureServer> | undefined;
  let listening = false;
  const health = await serveHealth(options.healthPort, () => (listening ? [] : ["certificate"]));
  const listens = (port: number): void => {
    listening = true;
    options.onListening?.(port);
  };
  watchCertificate(kube, tlsSecretName(COMPONENT.builder), {
    signal,
    onChange: (certificate) => {
      if (server !== undefined) {
        server.then(
          (running) => running.reload(certificate),
          () => {},
        );
        return;
      }
      // Not before there is a certificate, so that an open port says that the builder is ready.
      server = serveTls({
        port: options.port,
        certificate,
        onConnection: (socket) => void serveConnection(streamOfSocket(socket), connection),
      });
      server.then((running) => listens(running.port), failed.reject);
    },
  });
  void keepClean({ root, clock, log, signal, isBusy: (namespace) => busy.has(namespace) });
  const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  if (!signal.aborted) await Promise.race([stopped, failed.promise]);
  await (await server)?.close();
  await health.close();
}

/** Counts streams at work by namespace. */
function counted(serve: ServeStream, busy: Map<string, number>): ServeStream {
  return async (client, name, stream) => {
    const { namespace } = client;
    busy.set(namespace, (busy.get(namespace) ?? 0) + 1);
    try {
      await serve(client, name, stream);
    } finally {
      const left = (busy.get(namespace) ?? 1) - 1;
      if (left === 0) busy.delete(namespace);
      else busy.set(namespace, left);
    }
  };
}
