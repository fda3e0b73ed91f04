/** The addresses and the output of a service while `up` is attached: local ports, the local gateway, the application's lines. */
import { LOCAL_HOST_SUFFIX, PORT } from "../../../core/contract.ts";
import { GATEWAY_WAIT_MS_MAX } from "../../../core/limits.ts";
import type { Session } from "../../../core/session.ts";
import type { Context } from "../../context.ts";
import { announceTunnels, type Tunnel } from "../../settings/tunnels.ts";
import { spaceUrl } from "../../spaces/url.ts";
import { followOutput } from "../logs/app-output.ts";
import { causeOf } from "../pods/diagnose.ts";
import { announcePublicUrls } from "./public-urls.ts";
import { forwardPort, type ForwardTarget } from "./forward.ts";
import type { PodWatch } from "../pods/pod-watch.ts";
import { newestBuild, offersTunnel, type PodView, tagsOf } from "../pods/pod-view.ts";
import { followTraces } from "../traces/follow-traces.ts";
import type { Prepared } from "../run/prepare.ts";
import type { SharedGateway } from "./shared-gateway.ts";
import type { PortMapping } from "./port-mapping.ts";
import { type ReachablePort, reachablePorts } from "../pods/services.ts";

export interface AttachRequest {
  readonly prepared: Prepared;
  readonly session: Session;
  readonly pods: readonly PodView[];
  readonly watch: PodWatch;
  readonly mappings: readonly PortMapping[];
  readonly gateway: SharedGateway;
  readonly traces: boolean;
}

/** Resolves once all addresses can be used; they end with the signal. The result withdraws their announcement. */
export async function attach(request: AttachRequest, context: Context): Promise<() => Promise<void>> {
  const { prepared, watch } = request;
  const { kube } = prepared.cluster;
  const pod = request.pods[0];
  if (pod === undefined) return async () => undefined;
  const services = await kube.list(`/api/v1/namespaces/${prepared.space.name}/services`, context.signal);
  const ports = reachablePorts(services, pod);
  followOutput(watch, { kube, emit: context.emit, clock: context.host.clock, signal: context.signal });
  if (request.traces) void showTraces(request, context);
  const tunnels = await startForwards(ports, request, context);
  if (ports.some((port) => port.http)) tunnels.push(await startGateway(ports, request, context));
  const http = new Set(ports.filter((port) => port.http).map((port) => port.service));
  void announcePublicUrls(prepared, http, context);
  return announceTunnels(context.host, prepared.cluster, tunnels);
}

/** A trace that cannot be had costs a word, never the attachment. */
async function showTraces({ prepared, session }: AttachRequest, { emit, host, signal }: Context): Promise<void> {
  const { project, space, cluster } = prepared;
  const request = {
    space: space.name,
    serviceOf: (pod: PodView) => (tagsOf(pod, session.id).length > 0 ? project.name : undefined),
    filter: {},
    wish: { backlog: false, fields: false, bodies: false },
  };
  await followTraces(request, { kube: cluster.kube, clock: host.clock, emit, signal }).catch((error: unknown) =>
    emit({ type: "message", level: "verbose", text: `HTTP requests cannot be shown: ${String(error)}` }),
  );
}

async function startForwards(
  ports: readonly ReachablePort[],
  request: AttachRequest,
  context: Context,
): Promise<Tunnel[]> {
  const tunnels: Tunnel[] = [];
  const space = request.prepared.space.name;
  const wanted = new Map(request.mappings.map((mapping) => [mapping.remote, mapping.local]));
  for (const port of ports) {
    const asked = wanted.get(port.port) ?? wanted.get(port.target);
    wanted.delete(wanted.has(port.port) ? port.port : port.target);
    const local = await forward(port.target, asked ?? 0, { request, context });
    tunnels.push({ kind: "forward", localPort: local, space, service: port.service, port: port.port });
    const protocol = port.http ? "http" : "TCP";
    const url = port.http ? `http://localhost:${local}` : `localhost:${local}`;
    context.emit({
      type: "url",
      service: port.service,
      url,
      status: "forwarded",
      text: `Service '${port.service}' port ${port.port} (${protocol}) is available via port forwarding at ${url}`,
    });
  }
  // What is left names ports of the container that no Service shows, a debugger's for example.
  for (const [remote, asked] of wanted) {
    const local = await forward(remote, asked, { request, context });
    const url = `localhost:${local}`;
    context.emit({
      type: "url",
      service: request.prepared.project.name,
      url,
      status: "forwarded",
      text: `Port ${remote} of the container is available via port forwarding at ${url}`,
    });
  }
  return tunnels;
}

interface Attachment {
  readonly request: AttachRequest;
  readonly context: Context;
}

async function forward(port: number, localPort: number, { request, context }: Attachment): Promise<number> {
  return forwardPort(request.prepared.cluster.kube, {
    localPort,
    target: async () => currentTarget(request.watch, { session: request.session.id, port, signal: context.signal }),
    signal: context.signal,
    onError: (error) =>
      context.emit({
        type: "message",
        level: "verbose",
        text: `A forwarded connection to port ${port} failed: ${String(error)}`,
      }),
  });
}

interface Wanted {
  readonly session: string;
  readonly port: number;
  readonly signal: AbortSignal;
}

/** A ready pod of the newest build that has one; waits GATEWAY_WAIT_MS_MAX for it. */
async function currentTarget(watch: PodWatch, want: Wanted): Promise<ForwardTarget> {
  const limit = AbortSignal.any([want.signal, AbortSignal.timeout(GATEWAY_WAIT_MS_MAX)]);
  const pod = await watch.until((pods) => {
    const running = pods.filter((candidate) => offersTunnel(candidate) && candidate.ready);
    return running.toSorted((a, b) => newestBuild(b, want.session) - newestBuild(a, want.session))[0];
  }, limit);
  return { namespace: pod.namespace, pod: pod.name, port: want.port };
}

async function startGateway(
  ports: readonly ReachablePort[],
  request: AttachRequest,
  context: Context,
): Promise<Tunnel> {
  const { prepared } = request;
  const port = await request.gateway.port(async () => ({
    enterPort: await forward(PORT.enter, 0, { request, context }),
    reason: () => whyNotReady(request),
    signal: context.signal,
  }));
  for (const service of new Set(ports.filter((each) => each.http).map((each) => each.service))) {
    const { root, name, ancestors } = prepared.space;
    const url = spaceUrl({
      space: ancestors.length === 0 ? root : name,
      root,
      service,
      suffix: LOCAL_HOST_SUFFIX,
      port,
    });
    context.emit({
      type: "url",
      service,
      url,
      status: "available",
      text: `Service '${service}' port 'http' is available at ${url}`,
    });
  }
  return { kind: "gateway", localPort: port, space: prepared.space.name };
}

function whyNotReady(request: AttachRequest): string | undefined {
  const pod = request.watch.pods().find((candidate) => !candidate.deleting && !candidate.ready);
  return pod === undefined ? undefined : (causeOf(pod)?.text ?? `pod \`${pod.name}\` is starting`);
}
