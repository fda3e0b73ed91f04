/** `azds down`: removes the release and the session of this folder's service; requests then reach the parent's. */
import { AzdsError } from "../../core/errors.ts";
import { connect } from "../cluster/connect.ts";
import type { Context } from "../context.ts";
import { createHelm } from "../helm/helm.ts";
import { loadProject } from "../project/load.ts";
import { currentSpace } from "../spaces/current.ts";
import { releaseName } from "../engine/run/release.ts";
import { findSession, removeSession } from "../engine/session-store.ts";
import { stepper } from "../engine/steps.ts";

export interface DownArgs {
  readonly space?: string | undefined;
}

export async function run(args: DownArgs, context: Context): Promise<number> {
  const { host, emit, signal } = context;
  const project = loadProject(host.cwd);
  const cluster = await connect(context);
  const space = await currentSpace(context, cluster, args.space);
  const helm = createHelm({
    run: host.run,
    env: host.env,
    signal,
    onLine: (text) => emit({ type: "message", level: "verbose", text }),
  });
  const release = releaseName(project.name);
  const session = await findSession(cluster.kube, { space: space.name, service: project.name, release });
  const step = stepper(emit, host.clock);
  const removed = await step(
    "remove",
    `Removing service '${project.name}' from dev space '${space.path}'`,
    async () => {
      const uninstalled = await helm.uninstall(release, {
        context: cluster.context,
        kubeconfig: cluster.kubeconfig,
        namespace: space.name,
      });
      // Last: as long as the Lease is there, a second `down` finds what the first one left.
      if (session !== undefined) await removeSession(cluster.kube, session);
      return uninstalled;
    },
  );
  if (!removed && session === undefined) {
    throw new AzdsError("SERVICE_NOT_UP", `Service \`${project.name}\` is not up in space \`${space.name}\``);
  }
  return 0;
}
