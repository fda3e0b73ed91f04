/** `azds up`: prepare, then run each service until it is detached from. */
import { AzdsError } from "../../core/errors.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { connect } from "../cluster/connect.ts";
import type { Context } from "../context.ts";
import { checkLocalPorts } from "../engine/reach/forward.ts";
import { parsePortMapping, type PortMapping } from "../engine/reach/port-mapping.ts";
import { watchPods } from "../engine/pods/pod-watch.ts";
import { confirmSharedSpace, type Prepared, prepareService, prepareSpace } from "../engine/run/prepare.ts";
import { eventsOf } from "../engine/run/service-events.ts";
import { runService } from "../engine/run/service-run.ts";
import { Requirements } from "../engine/run/requirements.ts";
import { withSession } from "../engine/run/service-session.ts";
import { sharedGateway, type SharedGateway } from "../engine/reach/shared-gateway.ts";
import { findProjects, refuseTwins } from "../project/find.ts";
import type { Project } from "../project/load.ts";
import { requiredFolders, withRequired } from "../project/required.ts";
import type { CurrentSpace } from "../spaces/current.ts";
import { readRunning } from "../spaces/running.ts";

export interface UpArgs {
  readonly services?: readonly string[] | undefined;
  readonly detach?: boolean | undefined;
  readonly port?: readonly string[] | undefined;
  readonly clean?: boolean | undefined;
  readonly takeOver?: boolean | undefined;
  readonly noRebuild?: boolean | undefined;
  readonly awaitExec?: boolean | undefined;
  readonly timings?: boolean | undefined;
  readonly disableHttpTraces?: boolean | undefined;
  readonly space?: string | undefined;
  readonly gatewayPort?: number | undefined;
}

export async function run(args: UpArgs, context: Context): Promise<number> {
  const { emit } = context;
  if (args.awaitExec === true && args.detach === true)
    throw new AzdsError("USAGE", "`--await-exec` needs an attached `azds up`, so it goes with no `-d`");
  const named = findProjects(context.host.cwd, args.services ?? []);
  const all = withRequired(named);
  refuseTwins(all);
  const mappings = (args.port ?? []).map(parsePortMapping);
  await checkPorts(args, mappings, named.length);
  const cluster = await connect(context);
  const base = await prepareSpace(context, cluster, args.space);
  const text = `Using dev space '${base.space.path}' with target '${cluster.context}'`;
  emit({ type: "message", level: "info", text });
  const projects = await withoutRunning(all, { named, cluster, space: base.space }, context);
  const services = projects.map((project) => prepareService(base, project));
  for (const { project } of services)
    emit({ type: "message", level: "verbose", text: `Building with \`${project.config.build.dockerfile}\`` });
  await confirmSharedSpace(services, context);
  const gateway = sharedGateway(args.gatewayPort);
  const [first, ...others] = services;
  if (first === undefined) return 0;
  if (others.length === 0) await upService({ args, prepared: first, mappings, gateway }, context);
  else await upAll(services, { args, gateway, only: named.length === 1 ? named[0] : undefined, mappings }, context);
  return 0;
}

interface Wanted {
  readonly named: readonly Project[];
  readonly cluster: Cluster;
  readonly space: CurrentSpace;
}

/** What is only required, and runs in the space or in one that it inherits from, is left as it is. */
async function withoutRunning(
  projects: readonly Project[],
  { named, cluster, space }: Wanted,
  { emit, signal }: Context,
): Promise<readonly Project[]> {
  if (projects.length === named.length) return projects;
  const { services } = await readRunning(cluster, [space.name, ...space.ancestors], signal);
  return projects.filter((project) => {
    const running = services.find(({ name, status }) => name === project.name && status === "Running");
    if (running === undefined || named.includes(project)) return true;
    const text = `\`${project.name}\` is required, and runs in \`${running.namespace}\` already`;
    emit({ type: "message", level: "info", text });
    return false;
  });
}

/** Local ports are looked at before anything is made in the cluster. */
async function checkPorts(args: UpArgs, mappings: readonly PortMapping[], services: number): Promise<void> {
  if (services > 1 && mappings.length > 0)
    throw new AzdsError("USAGE", "`-p` says no service, so it needs an `azds up` of one service");
  if (args.detach === true) return;
  const local = mappings.map((mapping) => mapping.local);
  await checkLocalPorts([...local, ...(args.gatewayPort === undefined ? [] : [args.gatewayPort])]);
}

interface Shared {
  readonly args: UpArgs;
  readonly gateway: SharedGateway;
}

interface Several extends Shared {
  /** The service that the command named, when it named one; local ports are its. */
  readonly only: Project | undefined;
  readonly mappings: readonly PortMapping[];
}

/** One that fails stops those that require it, and no others; the command fails with the first failure, after all are done. */
async function upAll(
  services: readonly Prepared[],
  { only, mappings, ...shared }: Several,
  context: Context,
): Promise<void> {
  const failures: Error[] = [];
  const names = new Map(services.map(({ project }) => [project.folder, project.name]));
  const requirements = new Requirements([...names.values()]);
  await Promise.all(
    services.map(async (prepared) => {
      const { name } = prepared.project;
      const own = { ...context, emit: requirements.telling(name, eventsOf(name, context.emit)) };
      try {
        const required = requiredFolders(prepared.project).flatMap((folder) => names.get(folder) ?? []);
        await requirements.wait(required, context.signal);
        await upService({ ...shared, prepared, mappings: prepared.project === only ? mappings : [] }, own);
      } catch (error) {
        requirements.failed(name);
        failures.push(error instanceof Error ? error : new Error(String(error)));
        // At once: the others may run for hours.
        if (error instanceof AzdsError)
          own.emit({ type: "message", level: "warning", text: `${error.code}: ${error.message}` });
      }
    }),
  );
  const [first] = failures;
  if (first !== undefined) throw first;
}

interface ServiceUp extends Shared {
  readonly prepared: Prepared;
  readonly mappings: readonly PortMapping[];
}

async function upService({ args, prepared, mappings, gateway }: ServiceUp, context: Context): Promise<void> {
  const { emit } = context;
  const detach = args.detach ?? false;
  await withSession({ prepared, takeOver: args.takeOver ?? false }, context, async (session, signal) => {
    const space = prepared.space.name;
    const onError = (error: unknown): void => {
      const text = `The pods of \`${space}\` can no longer be watched: ${String(error)}`;
      emit({ type: "message", level: "warning", text });
    };
    const watch = watchPods(prepared.cluster.kube, { space, session: session.id, signal, onError });
    const choices = { detach, clean: args.clean ?? false, noRebuild: args.noRebuild ?? false };
    const options = {
      awaitExec: args.awaitExec ?? false,
      ...choices,
      timings: args.timings ?? false,
      traces: args.disableHttpTraces !== true,
      prepared,
      session,
      watch,
      mappings,
      gateway,
    };
    await runService(options, { ...context, signal });
  });
  if (detach) return;
  const text = `Detached; service '${prepared.project.name}' keeps running. \`azds down\` removes it.`;
  emit({ type: "message", level: "info", text });
}
