/** `azds up`: prepare, deploy, stay attached. */
import { formatTag, type Session, type SessionTag } from "../../core/session.ts";
import { AzdsError } from "../../core/errors.ts";
import { connect } from "../cluster/connect.ts";
import type { Context } from "../context.ts";
import { attach } from "../engine/attach.ts";
import { watchContext } from "../engine/context-watch.ts";
import { deploy, type Deployed } from "../engine/deploy.ts";
import { checkLocalPorts } from "../engine/forward.ts";
import { parsePortMapping, type PortMapping } from "../engine/port-mapping.ts";
import { watchPods } from "../engine/pod-watch.ts";
import { confirmSharedSpace, type Prepared, prepare, takeSession } from "../engine/prepare.ts";
import { tellCauses } from "../engine/ready.ts";
import { keepSession, releaseSession } from "../engine/session-store.ts";
import { loadProject } from "../project/load.ts";
import { stepper } from "../engine/steps.ts";

export interface UpArgs {
  readonly services?: readonly string[] | undefined;
  readonly detach?: boolean | undefined;
  readonly port?: readonly string[] | undefined;
  readonly clean?: boolean | undefined;
  readonly takeOver?: boolean | undefined;
  readonly space?: string | undefined;
  readonly gatewayPort?: number | undefined;
}

export async function run(args: UpArgs, context: Context): Promise<number> {
  if ((args.services ?? []).length > 0)
    throw new AzdsError(
      "USAGE",
      "Several services in one `azds up` are not supported yet; run it in each folder with `-d`",
    );
  const mappings = (args.port ?? []).map(parsePortMapping);
  if (args.detach !== true)
    await checkLocalPorts([
      ...mappings.map(({ local }) => local),
      ...(args.gatewayPort === undefined ? [] : [args.gatewayPort]),
    ]);
  const cluster = await connect(context);
  const prepared = await prepare(context, cluster, args.space);
  context.emit({
    type: "message",
    level: "info",
    text: `Using dev space '${prepared.space.path}' with target '${cluster.context}'`,
  });
  context.emit({
    type: "message",
    level: "verbose",
    text: `Building with \`${prepared.project.config.build.dockerfile}\``,
  });
  await confirmSharedSpace(prepared, context);
  const session = await takeSession(prepared, context, args.takeOver ?? false);
  const ended = new AbortController();
  // A session that is taken over ends the command like Ctrl+C, but with its reason.
  const signal = AbortSignal.any([context.signal, ended.signal]);
  const kept = keepSession(cluster.kube, session, { clock: context.host.clock, signal });
  try {
    await Promise.race([
      kept.then(async () => new Promise<never>(() => undefined)),
      runSession({ args, prepared, session, mappings }, { ...context, signal }),
    ]);
    return 0;
  } finally {
    ended.abort(new Error("The command has ended"));
    // Whoever comes next must not wait for the heartbeat to grow old.
    await releaseSession(cluster.kube, session).catch(() => undefined);
  }
}

interface Run {
  readonly args: UpArgs;
  readonly prepared: Prepared;
  readonly session: Session;
  readonly mappings: readonly PortMapping[];
}

async function runSession({ args, prepared, session, mappings }: Run, context: Context): Promise<void> {
  const watch = watchPods(prepared.cluster.kube, {
    space: prepared.space.name,
    session: session.id,
    signal: context.signal,
    onError: (error) =>
      context.emit({
        type: "message",
        level: "warning",
        text: `The pods of \`${prepared.space.name}\` can no longer be watched: ${String(error)}`,
      }),
  });
  const step = stepper(context.emit, context.host.clock);
  let build = session.build;
  const nextTag = (): SessionTag => ({ session: session.id, build: (build += 1) });
  const tag = nextTag();
  tellCauses(watch, { since: tag, emit: context.emit });
  // Before the sources are read for the first time: a save during the deployment is brought after it.
  const saves = args.detach === true ? undefined : watchContext(prepared.project, context.signal);
  await saves?.ready;
  const deployed = await deploy({ prepared, session, tag, watch, clean: args.clean ?? false, step }, context);
  announce(prepared, deployed, context);
  if (saves === undefined) return;
  const onSave = async (): Promise<void> => {
    // azds.yaml itself may be what was saved.
    const current = { ...prepared, project: loadProject(prepared.project.folder) };
    await deploy({ prepared: current, session, tag: nextTag(), watch, clean: false, step }, context);
  };
  await attach(
    { prepared, session, pods: deployed.pods, watch, saves, onSave, mappings, gatewayPort: args.gatewayPort },
    context,
  );
  context.emit({
    type: "message",
    level: "info",
    text: `Detached; service '${prepared.project.name}' keeps running. \`azds down\` removes it.`,
  });
}

function announce(prepared: Prepared, deployed: Deployed, context: Context): void {
  context.emit({
    type: "result",
    name: "up",
    data: {
      space: prepared.space.path,
      service: prepared.project.name,
      tag: formatTag(deployed.tag),
      pods: deployed.pods.map((pod) => ({ name: pod.name, node: pod.node })),
    },
  });
  context.emit({
    type: "message",
    level: "info",
    text: `Service '${prepared.project.name}' is running in dev space '${prepared.space.path}'`,
  });
}
