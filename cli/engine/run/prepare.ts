/** Everything of `up` that can fail before the cluster is touched: project, Helm, space, session. */
import { PARENT_LABEL } from "../../../core/contract.ts";
import { AzdsError } from "../../../core/errors.ts";
import { asString, at } from "../../../core/parse.ts";
import type { Session } from "../../../core/session.ts";
import type { Cluster } from "../../cluster/cluster.ts";
import { readInfo } from "../../cluster/info.ts";
import type { Context } from "../../context.ts";
import type { HelmTarget } from "../../helm/args.ts";
import { createHelm, type Helm } from "../../helm/helm.ts";
import type { Tokens } from "../../project/expand.ts";
import type { Project } from "../../project/load.ts";
import { type CurrentSpace, currentSpace } from "../../spaces/current.ts";
import { releaseName } from "./release.ts";
import { acquireSession } from "../session-store.ts";

/** What all services of a command share. */
export interface PreparedSpace {
  readonly cluster: Cluster;
  readonly space: CurrentSpace;
  readonly helm: Helm;
  readonly target: HelmTarget;
  /** With its leading dot. */
  readonly hostSuffix: string;
  /** URLs through the gateway begin with `https`. */
  readonly tls: boolean;
  /** Of all built images. */
  readonly imagePrefix: string;
}

export interface Prepared extends PreparedSpace {
  readonly project: Project;
  readonly release: string;
}

export async function prepareSpace(
  context: Context,
  cluster: Cluster,
  space: string | undefined,
): Promise<PreparedSpace> {
  const helm = createHelm({
    run: context.host.run,
    env: context.host.env,
    signal: context.signal,
    onLine: (text) => context.emit({ type: "message", level: "verbose", text }),
  });
  // Before the space is looked for: a cluster that cannot be reached is named, not a space that is selected nowhere.
  const [{ hostSuffix, tls, imagePrefix }] = await Promise.all([readInfo(cluster, context.signal), helm.check()]);
  const current = await currentSpace(context, cluster, space);
  const target = {
    context: cluster.context,
    kubeconfig: cluster.kubeconfig,
    namespace: current.name,
  };
  return {
    cluster,
    space: current,
    helm,
    target,
    hostSuffix,
    tls,
    imagePrefix,
  };
}

export function prepareService(base: PreparedSpace, project: Project): Prepared {
  return { ...base, project, release: releaseName(project.name) };
}

/** A root space that others inherit from is everybody's baseline: a change there asks first. */
export async function confirmSharedSpace(services: readonly Prepared[], context: Context): Promise<void> {
  const [first] = services;
  if (first === undefined || first.space.ancestors.length > 0) return;
  const { kube } = first.cluster;
  const children = await kube.list(
    `/api/v1/namespaces?labelSelector=${encodeURIComponent(`${PARENT_LABEL}=${first.space.name}`)}`,
    context.signal,
  );
  if (children.length === 0) return;
  const names = children.map((child) => `\`${asString(at(child, "metadata", "name")) ?? ""}\``).join(", ");
  const projects = services.map(({ project }) => `\`${project.name}\``).join(", ");
  const agreed = await context.ask({
    kind: "confirm",
    id: "shared-space",
    text: `Space \`${first.space.name}\` is the parent of ${names}; they will get this version of ${projects}. Continue?`,
    whenEmpty: false,
    // A pipeline that updates the baseline runs unattended; `-y` says so for a terminal.
    whenUnattended: true,
  });
  if (!agreed) throw new AzdsError("DECLINED", `Space \`${first.space.name}\` was left as it is`);
}

/** @throws AzdsError SESSION_HELD */
export async function takeSession(prepared: Prepared, context: Context, takeOver: boolean): Promise<Session> {
  const { host } = context;
  return acquireSession(
    prepared.cluster.kube,
    { space: prepared.space.name, service: prepared.project.name, release: prepared.release },
    { holder: { owner: host.owner, pid: host.pid, processAlive: host.processAlive }, takeOver, clock: host.clock },
  );
}

/** Values of azds.yaml's tokens for one build. */
export function tokensFor(prepared: Prepared, tag: string): Tokens {
  const { space } = prepared;
  return {
    tag,
    spacePrefix: space.ancestors.length === 0 ? "" : `${space.name}.s.`,
    rootSpacePrefix: `${space.root}.`,
    hostSuffix: prepared.hostSuffix,
  };
}
