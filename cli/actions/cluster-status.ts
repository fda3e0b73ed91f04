import { LOCAL_HOST_SUFFIX, SYSTEM_NAMESPACE, VERSION } from "../../core/contract.ts";
import { AzdsError } from "../../core/errors.ts";
import { namespacePath } from "../../core/kube/paths.ts";
import { connect } from "../cluster/connect.ts";
import { readInfo, type ClusterInfo } from "../cluster/info.ts";
import type { Context } from "../context.ts";
import { gatherStatus } from "../enable/status-facts.ts";
import { evaluateStatus, type Status } from "../enable/status.ts";
import { causeOf } from "../engine/pods/diagnose.ts";
import type { Emit } from "../engine/events.ts";
import { podView } from "../engine/pods/pod-view.ts";

/** Exits with 1 when a part is not ready or a certificate has expired. @throws AzdsError NOT_ENABLED */
export async function run(_args: unknown, context: Context): Promise<number> {
  const { emit, signal, host } = context;
  const cluster = await connect(context);
  if ((await cluster.kube.find(namespacePath(SYSTEM_NAMESPACE), signal)) === undefined) {
    throw new AzdsError("NOT_ENABLED", `azds is not enabled on cluster \`${cluster.context}\``);
  }
  const facts = await gatherStatus({ cluster, clock: host.clock, signal });
  const status = evaluateStatus(facts);
  showParts(emit, status);
  showGateway(emit, status, await readInfo(cluster, signal));
  showImages(emit, status);
  emit({ type: "result", name: "cluster-status", data: { context: cluster.context, client: VERSION, ...status } });
  for (const pod of facts.ownPods.map(podView)) {
    const cause = causeOf(pod);
    if (cause !== undefined) emit({ type: "cause", pod: pod.name, reason: cause.reason, text: cause.text });
  }
  for (const text of warningsOf(status)) emit({ type: "message", level: "warning", text });
  return status.healthy ? 0 : 1;
}

function showParts(emit: Emit, { parts, certificates }: Status): void {
  const rows = parts.map(({ name, ready, wanted, version, ok }) => {
    const certificate = certificates.find(({ secret }) => secret === `${name}-tls`);
    const expiry = certificate === undefined ? "" : `${certificate.expires.slice(0, 10)} (${certificate.days} days)`;
    return [name, `${ready}/${wanted}`, version === "" ? "missing" : version, ok ? "ok" : "not ready", expiry];
  });
  emit({ type: "table", columns: ["Part", "Ready", "Version", "State", "Certificate until"], rows });
}

function showGateway(emit: Emit, { gateway }: Status, { hostSuffix }: ClusterInfo): void {
  const hosts = `*${hostSuffix}`;
  if (gateway.kind === "none") return;
  const where = gateway.kind === "pending" ? `Gateway: pending, ${gateway.why}` : `Gateway: ${gateway.address}`;
  const isLocal = hostSuffix === LOCAL_HOST_SUFFIX;
  const next = isLocal
    ? "name a public suffix with `azds cluster enable --host-suffix NAME`"
    : `the DNS must resolve ${hosts} to ${gateway.kind === "pending" ? "its address" : "it"}`;
  emit({ type: "message", level: "info", text: `${where}; ${next}` });
}

function showImages(emit: Emit, { images }: Status): void {
  const { registry, registrySecret, registryPullSecret, buildkitWorker } = images;
  const secrets = [
    registrySecret === "" ? "" : `, pushed with Secret ${registrySecret}`,
    registryPullSecret === "" ? "" : `, pulled with a copy of Secret ${registryPullSecret}`,
  ].join("");
  const text =
    registry === ""
      ? `Built images: in the nodes' own stores${buildkitWorker === "docker" ? ", made by Docker's own BuildKit" : ""}`
      : `Built images: in registry ${registry}${secrets}; BuildKit works in ${buildkitWorker === "oci" ? "a store of its own" : "the nodes' containerd"}`;
  emit({ type: "message", level: "info", text });
}

function warningsOf(status: Status): readonly string[] {
  const { certificates, images, nodesWithoutBuilder, uninstrumentedPods } = status;
  const expired = certificates.filter(({ days }) => days < 0).map(({ secret }) => secret);
  return [
    ...images.problems,
    ...(expired.length === 0 ? [] : [`Expired certificates: ${expired.join(", ")}`]),
    ...(nodesWithoutBuilder.length === 0 ? [] : [`Nodes without a ready builder: ${nodesWithoutBuilder.join(", ")}`]),
    ...(uninstrumentedPods.length === 0
      ? []
      : [`Pods of spaces without a sidecar, to be made anew: ${uninstrumentedPods.join(", ")}`]),
  ];
}
