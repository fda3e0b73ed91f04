import { redirectForm } from "../../core/sidecar-config.ts";
import { connect } from "../cluster/connect.ts";
import type { Context } from "../context.ts";
import { enable } from "../enable/enable.ts";
import { portsOf } from "../enable/ports.ts";
import { offerRestart } from "../enable/restart.ts";
import { endpointOf } from "../enable/settings.ts";
import { imageReference } from "../image/reference.ts";
import { selectSpace } from "../spaces/select-space.ts";

interface Args {
  readonly space: string | undefined;
  readonly image: string | undefined;
  readonly replaceNamespace: boolean;
  readonly hostSuffix: string | undefined;
  readonly containerdRoot: string | undefined;
  readonly buildkitImage: string | undefined;
  readonly redirect: string | undefined;
  readonly noWait: boolean;
  readonly endpoint: string | undefined;
}

/** Ends with a selected dev space or an error. @throws those of `enable` and `selectSpace` */
export async function run(args: Args, context: Context): Promise<number> {
  const cluster = await connect(context);
  const ports = portsOf(context, cluster);
  await enable(ports, {
    options: {
      image: args.image,
      buildkitImage: args.buildkitImage,
      containerdRoot: args.containerdRoot,
      hostSuffix: args.hostSuffix,
      endpoint: endpointOf(args.endpoint),
      redirect: redirectForm(args.redirect),
    },
    ownImage: await imageReference(context.host.executable),
    replaceNamespace: args.replaceNamespace,
    wait: !args.noWait,
  });
  const space = await selectSpace(context, cluster, args.space === undefined ? {} : { name: args.space });
  await offerRestart(ports, space.name, !context.globals.yes);
  const text = `Kubernetes cluster '${cluster.context}' is ready for development in dev space '${space.path}'. Type \`azds prep\` to prepare a source directory and \`azds up\` to run.`;
  context.emit({ type: "message", level: "info", text });
  return 0;
}
