/** The attached part of `up`: local ports, the local gateway, the application's output, the heartbeat; until Ctrl+C. */
import { PORT } from "../../core/contract.ts";
import { GATEWAY_WAIT_MS_MAX } from "../../core/limits.ts";
import type { Session, SessionTag } from "../../core/session.ts";
import type { Context } from "../context.ts";
import { AzdsError } from "../../core/errors.ts";
import { spaceUrl } from "../spaces/url.ts";
import { LOCAL_HOST_SUFFIX } from "../../core/contract.ts";
import { followOutput } from "./app-output.ts";
import { carries } from "./builds.ts";
import { causeOf } from "./diagnose.ts";
import { forwardPort, type ForwardTarget } from "./forward.ts";
import type { PodWatch } from "./pod-watch.ts";
import { offersTunnel, type PodView } from "./pod-view.ts";
import type { Prepared } from "./prepare.ts";
import type { PortMapping } from "./port-mapping.ts";
import { type ReachablePort, reachablePorts } from "./services.ts";
import { keepSession } from "./session-store.ts";
import { tellCauses } from "./ready.ts";

/** Tried first, so that bookmarks stay valid; any free port when it is taken and none was asked for. */
const GATEWAY_PORT = 8090;

export interface AttachRequest {
  readonly prepared: Prepared;
  readonly session: Session;
  readonly tag: SessionTag;
  readonly pods: readonly PodView[];
  readonly watch: PodWatch;
  readonly mappings: readonly PortMapping[];
  readonly gatewayPort: number | undefined;
}

/** Resolves when the signal comes; rejects when the session is taken over. */
export async function attach(request: AttachRequest, context: Context): Promise<void> {
  const { prepared, watch, tag } = request;
  const { kube } = prepared.cluster;
  const pod = request.pods[0];
  if (pod === undefined) return;
  const services = await kube.list(`/api/v1/namespaces/${prepared.space.name}/services`, context.signal);
  const ports = reachablePorts(services, pod);
  followOutput(watch, { kube, tag, emit: context.emit, clock: context.host.clock, signal: context.signal });
  await startForwards(ports, request, context);
  if (ports.some((port) => port.http)) await startGateway(ports, request, context);
  const stopTelling = tellCauses(watch, { tag, emit: context.emit });
  context.emit({ type: "message", level: "info", text: "Press Ctrl+C to detach" });
  try {
    await keepSession(kube, request.session, { clock: context.host.clock, signal: context.signal });
  } finally {
    stopTelling();
  }
}

async function startForwards(ports: readonly ReachablePort[], request: AttachRequest, context: Context): Promise<void> {
  const wanted = new Map(request.mappings.map((mapping) => [mapping.remote, mapping.local]));
  for (const port of ports) {
    const asked = wanted.get(port.port) ?? wanted.get(port.target);
    wanted.delete(wanted.has(port.port) ? port.port : port.target);
    const local = await forward(port.target, asked ?? 0, { request, context });
    const protocol = port.http ? "http" : "TCP";
    const url = port.http ? `http://localhost:${local}` : `localhost:${local}`;
    context.emit({ type: "url", service: port.service, url, status: "forwarded", text: `Service '${port.service}' port ${port.port} (${protocol}) is available via port forwarding at ${url}` });
  }
  // What is left names ports of the container that no Service shows, a debugger's for example.
  for (const [remote, asked] of wanted) {
    const local = await forward(remote, asked, { request, context });
    const url = `localhost:${local}`;
    context.emit({ type: "url", service: request.prepared.project.name, url, status: "forwarded", text: `Port ${remote} of the container is available via port forwarding at ${url}` });
  }
}

interface Attachment {
  readonly request: AttachRequest;
  readonly context: Context;
}

async function forward(port: number, localPort: number, { request, context }: Attachment): Promise<number> {
  return forwardPort(request.prepared.cluster.kube, {
    localPort,
    target: async () => currentTarget(request.watch, { tag: request.tag, port, signal: context.signal }),
    signal: context.signal,
    onError: (error) => context.emit({ type: "message", level: "verbose", text: `A forwarded connection to port ${port} failed: ${String(error)}` }),
  });
}

/** A ready pod of the build, or of the session while the build has none; waits GATEWAY_WAIT_MS_MAX for one. */
async function currentTarget(watch: PodWatch, want: { readonly tag: SessionTag; readonly port: number; readonly signal: AbortSignal }): Promise<ForwardTarget> {
  const limit = AbortSignal.any([want.signal, AbortSignal.timeout(GATEWAY_WAIT_MS_MAX)]);
  const pod = await watch.until((pods) => {
    const running = pods.filter((candidate) => offersTunnel(candidate) && candidate.ready);
    return running.find((candidate) => carries(candidate, want.tag)) ?? running[0];
  }, limit);
  return { namespace: pod.namespace, pod: pod.name, port: want.port };
}

async function startGateway(ports: readonly ReachablePort[], request: AttachRequest, context: Context): Promise<void> {
  const { prepared } = request;
  const enterPort = await forward(PORT.enter, 0, { request, context });
  const { serveLocalGateway } = await import("../gateway/local-gateway.ts");
  const options = { enterPort, reason: () => whyNotReady(request), signal: context.signal };
  const port = await serveLocalGateway({ ...options, port: request.gatewayPort ?? GATEWAY_PORT }).catch(async (error: unknown) => {
    if (request.gatewayPort !== undefined || !(error instanceof AzdsError && error.code === "PORT_IN_USE")) throw error;
    return serveLocalGateway({ ...options, port: 0 });
  });
  for (const service of new Set(ports.filter((each) => each.http).map((each) => each.service))) {
    const { root, name, ancestors } = prepared.space;
    const url = spaceUrl({ space: ancestors.length === 0 ? root : name, root, service, suffix: LOCAL_HOST_SUFFIX, port });
    context.emit({ type: "url", service, url, status: "available", text: `Service '${service}' port 'http' is available at ${url}` });
  }
}

function whyNotReady(request: AttachRequest): string | undefined {
  const pod = request.watch.pods().find((candidate) => carries(candidate, request.tag) && !candidate.ready);
  return pod === undefined ? undefined : (causeOf(pod)?.text ?? `pod \`${pod.name}\` is starting`);
}

