/** `azds exec`: a command in the running container of a service. */
import { AzdsError } from "../../core/errors.ts";
import { connect } from "../cluster/connect.ts";
import type { Context } from "../context.ts";
import { runRemote } from "../engine/pods/remote-command.ts";
import { commandPlace, findWorkload, listPods } from "../engine/pods/workloads.ts";
import { loadProject } from "../project/load.ts";
import { currentSpace } from "../spaces/current.ts";

export interface ExecArgs {
  readonly service?: string | undefined;
  /** What follows `--`. */
  readonly rest: readonly string[];
  readonly stdin: boolean;
  readonly tty: boolean;
  readonly space?: string | undefined;
  readonly container?: string | undefined;
}

/** Resolves to the exit code of the command. */
export async function run(args: ExecArgs, context: Context): Promise<number> {
  const { host, emit, signal } = context;
  if (args.tty && host.stdio.terminal === undefined)
    throw new AzdsError("USAGE", "`-t` needs a terminal, and standard input is none");
  const name = args.service ?? loadProject(host.cwd).name;
  const cluster = await connect(context);
  const space = await currentSpace(context, cluster, args.space);
  const { kube } = cluster;
  const [workload, pods] = await Promise.all([
    findWorkload(kube, { space: space.name, name }, signal),
    listPods(kube, space.name, signal),
  ]);
  const place = commandPlace(workload, pods, args.container);
  emit({ type: "message", level: "verbose", text: `Container \`${place.container}\` of pod \`${place.pod}\`` });
  return runRemote(
    { namespace: space.name, ...place, command: args.rest, stdin: args.stdin, tty: args.tty },
    { kube, stdio: host.stdio, emit, signal },
  );
}
