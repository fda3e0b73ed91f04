/** `azds route explain`: the way of one request, from the tables or by sending it. */
import { LOCAL_HOST_SUFFIX, ROUTE_HEADER } from "../../core/contract.ts";
import { AzdsError } from "../../core/errors.ts";
import { namespacePath } from "../../core/kube/paths.ts";
import { KubeError } from "../../core/kube/types.ts";
import { RouteTable } from "../../core/routing.ts";
import { parseServiceName } from "../../core/service-name.ts";
import { parseHost } from "../../core/space-host.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { connect } from "../cluster/connect.ts";
import { readInfo } from "../cluster/info.ts";
import type { Context } from "../context.ts";
import { type Address, isThisMachine, parseAddress, parseHeaders } from "../explain/address.ts";
import { explain } from "../explain/explain.ts";
import type { Explanation } from "../explain/explanation.ts";
import { isGatewayHost } from "../explain/from-outside.ts";
import { goLive } from "../explain/live.ts";
import { liveRows } from "../explain/live-rows.ts";
import type { Gateway, Question } from "../explain/question.ts";
import { readRoutes } from "../explain/read-routes.ts";
import { readFacts } from "../explain/space-facts.ts";
import { readTunnels } from "../settings/tunnels.ts";
import { type CurrentSpace, currentSpace } from "../spaces/current.ts";
import { selectedSpace } from "../spaces/selection.ts";
import { readNamespace } from "../spaces/tree.ts";

export interface RouteExplainArgs {
  readonly url: string;
  readonly space?: string | undefined;
  readonly header?: readonly string[] | undefined;
  readonly live: boolean;
  readonly method: string;
}

export async function run(args: RouteExplainArgs, context: Context): Promise<number> {
  const address = parseAddress(args.url);
  const fields = parseHeaders(args.header ?? []);
  const method = args.method.toUpperCase();
  if (!/^[A-Z]+$/.test(method)) throw new AzdsError("USAGE", `\`${args.method}\` is no method of HTTP`);
  const cluster = await connect(context);
  if (isThisMachine(address)) throw await refuseForward(address, context, cluster);
  const question = await ask({ address, method, fields, space: args.space }, context, cluster);
  const explanation = await explainFully(question, cluster, context.signal);
  if (!args.live) {
    show(question, { url: args.url, ...explanation }, context);
    return 0;
  }
  const { kube } = cluster;
  const { signal, host, emit } = context;
  const live = await goLive(question, explanation, { method, fields, kube, clock: host.clock, signal });
  emit({
    type: "table",
    columns: ["Request", "Reached", "Pod", "Status", "Time", "Because"],
    rows: liveRows(live.calls),
  });
  emit({ type: "result", name: "live", data: live });
  if (live.calls.length === 0)
    emit({
      type: "message",
      level: "warning",
      text: `The answer was ${live.status}, and no sidecar has seen the request`,
    });
  for (const pod of live.silent)
    emit({
      type: "message",
      level: "warning",
      text: `The sidecar of pod \`${pod}\` cannot be asked: what its application asked for is not shown`,
    });
  return 0;
}

interface Asked {
  readonly address: Address;
  readonly method: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly space: string | undefined;
}

async function ask({ address, method, fields, space }: Asked, context: Context, cluster: Cluster): Promise<Question> {
  const { kube } = cluster;
  const { signal } = context;
  const { hostSuffix, endpoint, trustExternalHeader } = await readInfo(cluster, signal);
  const gateway: Gateway = { hostSuffix, isThere: endpoint !== "none", trustsHeader: trustExternalHeader };
  const caller = await callerOf({ address, space, gateway }, context, cluster);
  // Whoever may not ask in the space of a URL may do so in the own one, whose sidecars know the same tree.
  const selected = space === undefined ? await selectedSpace(context, cluster) : undefined;
  const asked = [caller.name, ...caller.ancestors, ...(selected === undefined ? [] : [selected])];
  const routes = await readRoutes(kube, [...new Set(asked)], signal);
  const named = parseServiceName(address.authority)?.namespace;
  const namespaces = [caller.name, ...caller.ancestors, ...(named === undefined ? [] : [named])];
  const facts = await readFacts(kube, namespaces, signal);
  const { [ROUTE_HEADER]: routeAs, baggage } = fields;
  // As every sidecar reads it.
  const header = routeAs?.toLowerCase();
  return { address, method, fields, caller: caller.name, header, baggage, routes, gateway, facts };
}

/** Explained twice where the way leads to spaces whose pods have not been read yet. */
async function explainFully(question: Question, { kube }: Cluster, signal: AbortSignal): Promise<Explanation> {
  const { routes, facts } = question;
  const { space, answer, otherwise } = explain(question);
  const reached = [answer, ...otherwise].flatMap((target) => target?.service?.split("/")[0] ?? []);
  const onWay = [...(space === undefined ? [] : [space]), ...reached].flatMap((each) => routes.table.ancestry(each));
  const more = await readFacts(
    kube,
    onWay.filter((each) => !facts.has(each)),
    signal,
  );
  return explain({ ...question, facts: new Map([...facts, ...more]) });
}

interface Calling {
  readonly address: Address;
  readonly space: string | undefined;
  readonly gateway: Gateway;
}

/** The named space, else that of the host, so that nobody has to select the tree that a URL names already. */
async function callerOf(
  { address, space, gateway }: Calling,
  context: Context,
  cluster: Cluster,
): Promise<CurrentSpace> {
  if (space !== undefined || !isGatewayHost({ address, gateway })) return currentSpace(context, cluster, space);
  // Below our own suffixes a host is read without knowing any space.
  const empty = new RouteTable();
  const host =
    parseHost(address.authority, gateway.hostSuffix, empty) ?? parseHost(address.authority, LOCAL_HOST_SUFFIX, empty);
  const named = host?.routeAs ?? host?.root ?? "";
  const isSpace = named !== "" && (await isReadableSpace(cluster, named, context.signal));
  return currentSpace(context, cluster, isSpace ? named : undefined);
}

async function isReadableSpace({ kube }: Cluster, name: string, signal: AbortSignal): Promise<boolean> {
  try {
    return readNamespace(await kube.find(namespacePath(name), signal))?.isSpace === true;
  } catch (error) {
    if (error instanceof KubeError && error.status === 403) return false;
    throw error;
  }
}

/** A forward ends in a container or at an enter port; what it leads to has a better name. */
async function refuseForward({ host: name, port }: Address, { host }: Context, cluster: Cluster): Promise<AzdsError> {
  const tunnel = (await readTunnels(host, cluster)).find(({ localPort }) => localPort === port);
  const here = `\`${name}:${port}\``;
  const what =
    tunnel?.kind === "forward"
      ? `${here} leads straight to a container of \`${tunnel.service}.${tunnel.space}\`, past every sidecar's decision`
      : tunnel?.kind === "gateway"
        ? `${here} is the local gateway, which goes by the host name`
        : `${here} is a port of this machine`;
  return new AzdsError("NOT_ROUTED", what);
}

function show(
  { caller }: Question,
  { steps, pods, ...rest }: Explanation & { readonly url: string },
  { emit }: Context,
): void {
  emit({
    type: "table",
    columns: ["Step", "Result", "Because"],
    rows: steps.map(({ step, what, why }) => [step, what, why]),
  });
  emit({ type: "result", name: "route", data: { caller, ...rest, steps } });
  if (pods.length > 0) {
    emit({
      type: "table",
      columns: ["Pod", "Space", "Address", "Status", "Sidecar", "Note"],
      rows: pods.map((pod) => [pod.name, pod.namespace, pod.address, pod.status, pod.sidecar ? "yes" : "no", pod.note]),
    });
  }
  emit({ type: "result", name: "pods", data: pods });
}
