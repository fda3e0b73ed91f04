/** `azds up`: prepare, deploy, stay attached. */
import { formatTag } from "../../core/session.ts";
import { AzdsError } from "../../core/errors.ts";
import { connect } from "../cluster/connect.ts";
import type { Context } from "../context.ts";
import { attach } from "../engine/attach.ts";
import { deploy, type Deployed } from "../engine/deploy.ts";
import { parsePortMapping } from "../engine/port-mapping.ts";
import { type PodWatch, watchPods } from "../engine/pod-watch.ts";
import { confirmSharedSpace, type Prepared, prepare, takeSession } from "../engine/prepare.ts";
import { releaseSession } from "../engine/session-store.ts";
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
  if ((args.services ?? []).length > 0) throw new AzdsError("USAGE", "Several services in one `azds up` are not supported yet; run it in each folder with `-d`");
  const mappings = (args.port ?? []).map(parsePortMapping);
  const cluster = await connect(context);
  const prepared = await prepare(context, cluster, args.space);
  context.emit({ type: "message", level: "info", text: `Using dev space '${prepared.space.path}' with target '${cluster.context}'` });
  context.emit({ type: "message", level: "verbose", text: `Building with \`${prepared.project.config.build.dockerfile}\`` });
  await confirmSharedSpace(prepared, context);
  const session = await takeSession(prepared, context, args.takeOver ?? false);
  const stopWatch = new AbortController();
  const watch = watchPods(cluster.kube, {
    space: prepared.space.name,
    session: session.id,
    signal: stopWatch.signal,
    onError: (error) => context.emit({ type: "message", level: "warning", text: `The pods of \`${prepared.space.name}\` can no longer be watched: ${String(error)}` }),
  });
  try {
    const deployed = await deploy({ prepared, session, watch, clean: args.clean ?? false, step: stepper(context.emit, context.host.clock) }, context);
    announce(prepared, deployed, context);
    if (args.detach !== true) await stayAttached({ prepared, deployed, watch, mappings, gatewayPort: args.gatewayPort }, context);
    return 0;
  } finally {
    stopWatch.abort(new Error("The command has ended"));
    // Whoever comes next must not wait for the heartbeat to grow old.
    await releaseSession(cluster.kube, session).catch(() => undefined);
  }
}

function announce(prepared: Prepared, deployed: Deployed, context: Context): void {
  context.emit({ type: "result", name: "up", data: { space: prepared.space.path, service: prepared.project.name, tag: formatTag(deployed.tag), pods: deployed.pods.map((pod) => ({ name: pod.name, node: pod.node })) } });
  context.emit({ type: "message", level: "info", text: `Service '${prepared.project.name}' is running in dev space '${prepared.space.path}'` });
}

interface Attachment {
  readonly prepared: Prepared;
  readonly deployed: Deployed;
  readonly watch: PodWatch;
  readonly mappings: ReturnType<typeof parsePortMapping>[];
  readonly gatewayPort: number | undefined;
}

async function stayAttached(attachment: Attachment, context: Context): Promise<void> {
  const { prepared, deployed } = attachment;
  await attach({ ...attachment, prepared, session: deployed.session, tag: deployed.tag, pods: deployed.pods }, context);
  context.emit({ type: "message", level: "info", text: `Detached; service '${prepared.project.name}' keeps running. \`azds down\` removes it.` });
}
