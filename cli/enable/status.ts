/** The state of azds in a cluster, from its objects; pure. */
import { COMPONENT, SYSTEM_NAMESPACE, WEBHOOK_CONFIGURATION } from "../../core/contract.ts";
import { isInRegistry } from "../../core/builder-protocol.ts";
import { asArray, asString, at } from "../../core/parse.ts";
import { selectorLabels } from "../../templates/control-plane/object.ts";
import type { ClusterInfo } from "../cluster/info.ts";
import { gatewayState, type GatewayState } from "../cluster/gateway.ts";
import { certificateState, type CertificateState } from "./certificates.ts";
import { readNode } from "./nodes.ts";
import { whyNotOnNodes } from "./preflight.ts";
import { registryHost, whySecretIsNone } from "./registry.ts";
import { admissionProgress, daemonSetProgress, deploymentProgress, type Progress } from "./readiness.ts";
import { isUninstrumented } from "./uninstrumented.ts";

/** Objects as the API gives them; `undefined` or empty where they do not exist. */
export interface StatusFacts {
  readonly deployments: readonly unknown[];
  readonly daemonSets: readonly unknown[];
  readonly admission: unknown;
  /** The gateway's Service. */
  readonly gatewayService: unknown;
  /** TLS Secrets of our servers. */
  readonly secrets: readonly unknown[];
  readonly images: ImageFacts;
  readonly nodes: readonly unknown[];
  /** Pods of our namespace. */
  readonly ownPods: readonly unknown[];
  /** Pods of all spaces. */
  readonly spacePods: readonly unknown[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface ImageFacts extends Pick<
  ClusterInfo,
  "imagePrefix" | "registrySecret" | "registryPullSecret" | "buildkitWorker"
> {
  /** The two Secrets, where they are named and there. */
  readonly credentials: readonly [push: unknown, pull: unknown];
  /** Each pod pulls its images anew. */
  readonly alwaysPulls: boolean;
}

/** Where built images are. */
export interface ImagesState {
  /** Empty: in the nodes' own stores. */
  readonly registry: string;
  readonly registrySecret: string;
  readonly registryPullSecret: string;
  readonly buildkitWorker: string;
  /** What keeps images from being pushed or pulled, in words. */
  readonly problems: readonly string[];
}

interface PartState {
  readonly name: string;
  readonly ready: number;
  readonly wanted: number;
  /** Version in its labels; empty where it is missing. */
  readonly version: string;
  readonly ok: boolean;
}

export interface Status {
  readonly gateway: GatewayState;
  readonly parts: readonly PartState[];
  readonly certificates: readonly CertificateState[];
  readonly images: ImagesState;
  /** Nodes that could run the builder and do not. */
  readonly nodesWithoutBuilder: readonly string[];
  /** `<space>/<pod>` without a sidecar. */
  readonly uninstrumentedPods: readonly string[];
  /** Every part is ready and no certificate has expired. */
  readonly healthy: boolean;
}

export function evaluateStatus(facts: StatusFacts): Status {
  const parts = partsOf(facts);
  const certificates = facts.secrets.flatMap((secret) => certificateState(secret, facts.now) ?? []);
  const expired = certificates.some(({ days }) => days < 0);
  return {
    gateway: gatewayState(facts.gatewayService),
    parts,
    certificates,
    images: imagesState(facts),
    nodesWithoutBuilder: nodesWithoutBuilder(facts),
    uninstrumentedPods: facts.spacePods.filter(isUninstrumented).map(pathOf).toSorted(),
    healthy: parts.every(({ ok }) => ok) && !expired,
  };
}

function imagesState({ images, nodes }: StatusFacts): ImagesState {
  const { imagePrefix, registrySecret, registryPullSecret, buildkitWorker, alwaysPulls } = images;
  const chosen = { registrySecret, registryPullSecret, buildkitWorker };
  if (!isInRegistry(imagePrefix)) {
    const obstacles = whyNotOnNodes({ nodes: nodes.map((node) => readNode(node)), alwaysPulls });
    const problems = obstacles.map((obstacle) => `Built images stay in the nodes' own stores, but ${obstacle}`);
    return { registry: "", ...chosen, problems };
  }
  const host = registryHost({ prefix: imagePrefix });
  const problems = [registrySecret, registryPullSecret].flatMap((name, index) => {
    const why = name === "" ? undefined : whySecretIsNone(images.credentials[index], host);
    return why === undefined ? [] : [`The Secret \`${name}\` in namespace \`${SYSTEM_NAMESPACE}\` ${why}`];
  });
  return { registry: imagePrefix, ...chosen, problems: [...new Set(problems)] };
}

function partsOf(facts: StatusFacts): readonly PartState[] {
  const usable = facts.nodes.filter((node) => readNode(node).usable).length;
  const deployment = (name: string): PartState => {
    const found = facts.deployments.find((object) => nameOf(object) === name);
    return part(name, found, deploymentProgress(found));
  };
  const builder = facts.daemonSets.find((object) => nameOf(object) === COMPONENT.builder);
  return [
    deployment(COMPONENT.controller),
    deployment(COMPONENT.webhook),
    part(`${WEBHOOK_CONFIGURATION} (registration)`, facts.admission, admissionProgress(facts.admission)),
    part(COMPONENT.builder, builder, daemonSetProgress(builder, usable)),
    ...(facts.gatewayService === undefined ? [] : [deployment(COMPONENT.gateway)]),
  ];
}

function part(name: string, object: unknown, { ready, wanted, done }: Progress): PartState {
  const version = asString(at(object, "metadata", "labels", "app.kubernetes.io/version")) ?? "";
  return { name, ready, wanted, version, ok: done };
}

function nodesWithoutBuilder({ nodes, ownPods }: StatusFacts): readonly string[] {
  const labels = Object.entries(selectorLabels("builder"));
  const covered = new Set(
    ownPods
      .filter((pod) => labels.every(([key, value]) => at(pod, "metadata", "labels", key) === value) && isReady(pod))
      .map((pod) => asString(at(pod, "spec", "nodeName")) ?? ""),
  );
  return nodes
    .map((node) => readNode(node))
    .filter(({ usable, name }) => usable && !covered.has(name))
    .map(({ name }) => name);
}

function isReady(pod: unknown): boolean {
  return asArray(at(pod, "status", "conditions")).some(
    (condition) => at(condition, "type") === "Ready" && at(condition, "status") === "True",
  );
}

function pathOf(pod: unknown): string {
  return `${asString(at(pod, "metadata", "namespace")) ?? ""}/${nameOf(pod)}`;
}

function nameOf(object: unknown): string {
  return asString(at(object, "metadata", "name")) ?? "";
}
