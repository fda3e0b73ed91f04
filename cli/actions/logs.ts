/** `azds logs`: the output of services of a space. */
import { AzdsError } from "../../core/errors.ts";
import { connect } from "../cluster/connect.ts";
import type { Context } from "../context.ts";
import { followLogs, type LogsRequest, showLogs } from "../engine/logs/logs.ts";
import { findWorkload, listWorkloads } from "../engine/pods/workloads.ts";
import { loadProject } from "../project/load.ts";
import { currentSpace } from "../spaces/current.ts";

export interface LogsArgs {
  readonly services?: readonly string[] | undefined;
  readonly follow: boolean;
  readonly all: boolean;
  readonly since?: string | undefined;
  readonly tail?: number | undefined;
  readonly previous: boolean;
  readonly space?: string | undefined;
}

export async function run(args: LogsArgs, context: Context): Promise<number> {
  const { host, emit, signal } = context;
  const named = args.services ?? [];
  refuseContradictions(args, named);
  const sinceSeconds = args.since === undefined ? undefined : secondsOf(args.since);
  const names = args.all || named.length > 0 ? [...new Set(named)] : [loadProject(host.cwd).name];
  const cluster = await connect(context);
  const { kube } = cluster;
  const space = (await currentSpace(context, cluster, args.space)).name;
  const workloads = args.all
    ? await listWorkloads(kube, space, signal)
    : await Promise.all(names.map(async (name) => findWorkload(kube, { space, name }, signal)));
  const { all, follow, previous, tail } = args;
  const request: LogsRequest = { space, workloads, all, follow, previous, sinceSeconds, tail };
  const options = { kube, clock: host.clock, emit, drained: host.stdout.drained, signal };
  await (follow ? followLogs(request, options) : showLogs(request, options));
  return 0;
}

function refuseContradictions({ all, follow, previous, tail }: LogsArgs, named: readonly string[]): void {
  if (all && named.length > 0) throw new AzdsError("USAGE", "`--all` takes no names of services");
  if (follow && previous) throw new AzdsError("USAGE", "`--previous` cannot be followed: that run has ended");
  if (tail !== undefined && (!Number.isInteger(tail) || tail < 0))
    throw new AzdsError("USAGE", "`--tail` must be a number of lines");
}

const UNIT_SECONDS = { d: 86_400, h: 3_600, m: 60, s: 1 } as const;

/** `1h30m`, `90s`: whole numbers with their units, the largest first. */
function secondsOf(text: string): number {
  const groups = /^(?:(?<d>\d+)d)?(?:(?<h>\d+)h)?(?:(?<m>\d+)m)?(?:(?<s>\d+)s)?$/.exec(text)?.groups;
  const units = Object.entries(UNIT_SECONDS);
  const seconds = units.reduce((sum, [unit, each]) => sum + Number(groups?.[unit] ?? 0) * each, 0);
  if (groups === undefined || seconds === 0)
    throw new AzdsError("USAGE", `\`--since\` must be a time like \`90s\`, \`10m\` or \`1h30m\`, not \`${text}\``);
  return seconds;
}
