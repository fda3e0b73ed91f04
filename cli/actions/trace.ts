/** `azds trace`: the HTTP exchanges of services of a space, until Ctrl+C. */
import { connect } from "../cluster/connect.ts";
import type { Context } from "../context.ts";
import { findWorkload, listWorkloads } from "../engine/pods/workloads.ts";
import type { Exchange } from "../engine/traces/exchange.ts";
import { followTraces, type TraceRequest } from "../engine/traces/follow-traces.ts";
import { openHar } from "../engine/traces/har.ts";
import { otlpExport } from "../engine/traces/otlp.ts";
import { statusFilter } from "../engine/traces/trace-filter.ts";
import { currentSpace } from "../spaces/current.ts";

export interface TraceArgs {
  readonly services?: readonly string[] | undefined;
  readonly service?: string | undefined;
  readonly path?: string | undefined;
  readonly status?: string | undefined;
  readonly bodies: boolean;
  readonly har?: string | undefined;
  readonly otlp?: string | undefined;
  readonly space?: string | undefined;
}

export async function run(args: TraceArgs, context: Context): Promise<number> {
  const { host, emit, signal } = context;
  const status = args.status === undefined ? undefined : statusFilter(args.status);
  const otlp = args.otlp === undefined ? undefined : otlpExport(args.otlp, { clock: host.clock, emit });
  const cluster = await connect(context);
  const { kube } = cluster;
  const space = (await currentSpace(context, cluster, args.space)).name;
  const names = [...new Set(args.services ?? [])];
  const workloads =
    names.length === 0
      ? await listWorkloads(kube, space, signal)
      : await Promise.all(names.map(async (name) => findWorkload(kube, { space, name }, signal)));
  const request: TraceRequest = {
    space,
    serviceOf: (pod) => workloads.find(({ owns }) => owns(pod))?.name ?? (names.length === 0 ? pod.name : undefined),
    filter: { service: args.service, path: args.path, status },
    wish: { backlog: false, fields: args.bodies || args.har !== undefined, bodies: args.bodies },
  };
  const har = args.har === undefined ? undefined : openHar(args.har);
  const onEnded = (exchange: Exchange): void => {
    har?.add(exchange);
    otlp?.add(exchange);
  };
  const stop = new AbortController();
  const exporting = otlp?.run(AbortSignal.any([signal, stop.signal]));
  emit({ type: "message", level: "info", text: `Requests in dev space '${space}' from now on; Ctrl+C ends` });
  try {
    await followTraces(request, { kube, clock: host.clock, emit, signal, onEnded });
    return 0;
  } finally {
    stop.abort();
    har?.close();
    await exporting;
  }
}
