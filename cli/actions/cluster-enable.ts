import { redirectForm } from "../../core/sidecar-config.ts";
import { LOCAL_HOST_SUFFIX } from "../../core/contract.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { connect } from "../cluster/connect.ts";
import { findGateway } from "../cluster/gateway.ts";
import type { Context } from "../context.ts";
import { enable } from "../enable/enable.ts";
import { portsOf } from "../enable/ports.ts";
import { offerRestart } from "../enable/restart.ts";
import { buildkitWorker, endpointOf } from "../enable/settings.ts";
import { imageReference } from "../image/reference.ts";
import { selectSpace } from "../spaces/select-space.ts";

interface Args {
  readonly space: string | undefined;
  readonly image: string | undefined;
  readonly replaceNamespace: boolean;
  readonly hostSuffix: string | undefined;
  readonly containerdRoot: string | undefined;
  readonly buildkitImage: string | undefined;
  readonly buildkitWorker: string | undefined;
  readonly registry: string | undefined;
  readonly registrySecret: string | undefined;
  readonly registryPullSecret: string | undefined;
  readonly registryInsecure: boolean | undefined;
  readonly redirect: string | undefined;
  readonly noWait: boolean;
  readonly endpoint: string | undefined;
  readonly tlsSecret: string | undefined;
  readonly trustExternalHeader: boolean | undefined;
}

/** Ends with a selected dev space or an error. @throws those of `enable` and `selectSpace` */
export async function run(args: Args, context: Context): Promise<number> {
  const cluster = await connect(context);
  const ports = portsOf(context, cluster);
  const { hostSuffix } = await enable(ports, {
    options: {
      image: args.image,
      buildkitImage: args.buildkitImage,
      buildkitWorker: buildkitWorker(args.buildkitWorker),
      containerdRoot: args.containerdRoot,
      registry: args.registry,
      registrySecret: args.registrySecret,
      registryPullSecret: args.registryPullSecret,
      registryInsecure: args.registryInsecure,
      hostSuffix: args.hostSuffix,
      endpoint: endpointOf(args.endpoint),
      redirect: redirectForm(args.redirect),
      tlsSecret: args.tlsSecret,
      trustExternalHeader: args.trustExternalHeader,
    },
    ownImage: await imageReference(context.host.executable),
    replaceNamespace: args.replaceNamespace,
    wait: !args.noWait,
  });
  await sayGateway(context, cluster, hostSuffix);
  const space = await selectSpace(context, cluster, args.space === undefined ? {} : { name: args.space });
  await offerRestart(ports, space.name, !context.globals.yes);
  const text = `Kubernetes cluster '${cluster.context}' is ready for development in dev space '${space.path}'. Type \`azds prep\` to prepare a source directory and \`azds up\` to run.`;
  context.emit({ type: "message", level: "info", text });
  return 0;
}

/** URLs are pending until the gateway has its address; nobody waits for it, as there may be no load balancer at all. */
async function sayGateway(context: Context, cluster: Cluster, hostSuffix: string): Promise<void> {
  const gateway = await findGateway(cluster, context.signal);
  if (gateway.kind === "none" || hostSuffix === LOCAL_HOST_SUFFIX) return;
  const text =
    gateway.kind === "pending"
      ? `URLs under *${hostSuffix} are pending: ${gateway.why}. \`azds cluster status\` shows it`
      : `URLs under *${hostSuffix} are available at ${gateway.address}, once the DNS resolves them to it`;
  context.emit({ type: "message", level: "info", text });
}
