/** Reads what status.ts judges. */
import { COMPONENT, SPACE_LABEL, SYSTEM_NAMESPACE, WEBHOOK_CONFIGURATION } from "../../core/contract.ts";
import { tlsSecretName } from "../../core/host/certificate.ts";
import { objectPath, podsPath, withQuery } from "../../core/kube/paths.ts";
import { asString, at } from "../../core/parse.ts";
import { readInfo } from "../cluster/info.ts";
import { pullsAlways } from "./facts.ts";
import type { Ports } from "./ports.ts";
import { secretPath } from "./secret-path.ts";
import type { ImageFacts, StatusFacts } from "./status.ts";

const SERVERS = [COMPONENT.controller, COMPONENT.webhook, COMPONENT.builder] as const;
const APPS = `/apis/apps/v1/namespaces/${SYSTEM_NAMESPACE}`;
const ADMISSION = { apiVersion: "admissionregistration.k8s.io/v1", kind: "MutatingWebhookConfiguration" };

export async function gatherStatus({
  cluster,
  clock,
  signal,
}: Pick<Ports, "cluster" | "clock" | "signal">): Promise<StatusFacts> {
  const { kube } = cluster;
  const spacesPath = withQuery("/api/v1/namespaces", { labelSelector: `${SPACE_LABEL}=true` });
  const [deployments, daemonSets, gatewayService, admission, secrets, images, nodes, ownPods, spaces] =
    await Promise.all([
      kube.list(`${APPS}/deployments`, signal),
      kube.list(`${APPS}/daemonsets`, signal),
      kube.find(objectPath({ apiVersion: "v1", kind: "Service" }, SYSTEM_NAMESPACE, COMPONENT.gateway), signal),
      kube.find(objectPath(ADMISSION, "", WEBHOOK_CONFIGURATION), signal),
      Promise.all(SERVERS.map(async (component) => kube.find(secretPath(tlsSecretName(component)), signal))),
      gatherImages({ cluster, signal }),
      kube.list("/api/v1/nodes", signal),
      kube.list(podsPath(SYSTEM_NAMESPACE), signal),
      kube.list(spacesPath, signal),
    ]);
  const spacePods = await Promise.all(
    spaces.map(async (space) => kube.list(podsPath(asString(at(space, "metadata", "name")) ?? ""), signal)),
  );
  return {
    deployments,
    daemonSets,
    gatewayService,
    admission,
    secrets,
    images,
    nodes,
    ownPods,
    spacePods: spacePods.flat(),
    now: clock.now(),
  };
}

async function gatherImages({ cluster, signal }: Pick<Ports, "cluster" | "signal">): Promise<ImageFacts> {
  const [info, alwaysPulls] = await Promise.all([readInfo(cluster, signal), pullsAlways(cluster, signal)]);
  const find = async (name: string): Promise<unknown> =>
    name === "" ? undefined : cluster.kube.find(secretPath(name), signal);
  const [push, pull] = await Promise.all([find(info.registrySecret), find(info.registryPullSecret)]);
  return { ...info, alwaysPulls, credentials: [push, pull] };
}
