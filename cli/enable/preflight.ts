/** Whether a cluster can carry azds: facts in, one line per check and at most one failure out; pure. */
import { AzdsError } from "../../core/errors.ts";
import type { Right } from "../cluster/cluster.ts";
import type { Event } from "../engine/events.ts";
import { IMAGE_PREFIX } from "../../core/contract.ts";
import type { ControlPlaneSettings } from "../../templates/control-plane/settings.ts";
import { type NodeFacts, nodesWith } from "./nodes.ts";
import { describeRight } from "./rights.ts";

export interface ClusterFacts {
  readonly version: { readonly major: number; readonly minor: number; readonly text: string };
  /** Rights that enabling takes and the user lacks. */
  readonly missingRights: readonly Right[];
  readonly nodes: readonly NodeFacts[];
  /** Names of service meshes found in the cluster. */
  readonly meshes: readonly string[];
  /** Each pod pulls its images anew. */
  readonly alwaysPulls: boolean;
}

/** What was chosen for images. */
export type ImageChoice = Pick<ControlPlaneSettings, "image" | "registry" | "buildkitWorker">;

type Check = Extract<Event, { readonly type: "check" }>;

export interface Preflight {
  /** Checks, then the table of nodes. */
  readonly events: readonly Event[];
  /** The first check that failed. */
  readonly failure: AzdsError | undefined;
}

/** Native sidecars, which pods of Jobs need, are on by default from here. */
const MINOR_MIN = 29;
/** ValidatingAdmissionPolicy is served as `v1` from here. */
const POLICY_MINOR_MIN = 30;
/** Rights named in one message; the others are counted. */
const RIGHTS_SHOWN = 5;

export function evaluatePreflight(facts: ClusterFacts, choice: ImageChoice): Preflight {
  const results = [
    versionCheck(facts),
    policyCheck(facts),
    rightsCheck(facts),
    nodeCheck(facts),
    imagesCheck(facts, choice),
    ownImageCheck(facts, choice),
  ];
  const checks = [...results, ...facts.meshes.map(meshCheck)].flatMap((result) => result ?? []);
  return {
    events: [...checks.map(({ check }) => check), nodeTable(facts.nodes)],
    failure: checks.find(({ failure }) => failure !== undefined)?.failure,
  };
}

/** Whether the server knows ValidatingAdmissionPolicy, without which nobody may create spaces by role. */
export function servesAdmissionPolicies({ version }: Pick<ClusterFacts, "version">): boolean {
  return version.major > 1 || version.minor >= POLICY_MINOR_MIN;
}

interface Result {
  readonly check: Check;
  readonly failure?: AzdsError;
}

function versionCheck({ version }: ClusterFacts): Result {
  const name = "Kubernetes version";
  if (version.major > 1 || version.minor >= MINOR_MIN) return passed(name, version.text);
  return failed(name, new AzdsError("KUBERNETES_TOO_OLD", `The cluster runs Kubernetes ${version.text}`));
}

function policyCheck(facts: ClusterFacts): Result | undefined {
  if (servesAdmissionPolicies(facts)) return undefined;
  return warning(
    "Admission policies",
    "not served by this version: the role `azds-space-creator` is left out, and only administrators create spaces",
  );
}

function rightsCheck({ missingRights }: ClusterFacts): Result {
  const name = "Rights";
  if (missingRights.length === 0) return passed(name, "all that enabling takes");
  const shown = missingRights.slice(0, RIGHTS_SHOWN).map((right) => `\`${describeRight(right)}\``);
  const more = missingRights.length - shown.length;
  const list = more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
  return failed(name, new AzdsError("FORBIDDEN", `You lack the right to ${list}`));
}

function nodeCheck({ nodes }: ClusterFacts): Result {
  const name = "Linux nodes";
  const usable = nodes.filter((node) => node.usable);
  if (usable.length > 0) return passed(name, `${usable.length} of ${nodes.length} can run azds`);
  const message =
    "Found no untainted Linux nodes in Ready state on the cluster. There needs to be at least one untainted Linux node in Ready state to deploy pods in `azds` namespace";
  return failed(name, new AzdsError("NO_USABLE_NODE", message));
}

/** Which of the modes it is, and why. */
function imagesCheck(facts: ClusterFacts, { registry, buildkitWorker }: ImageChoice): Result | undefined {
  const name = "Built images";
  const usable = facts.nodes.filter((node) => node.usable);
  if (usable.length === 0) return undefined;
  const obstacles = whyNotOnNodes(facts);
  if (registry !== undefined) {
    const why = obstacles.length === 0 ? "as `--registry` named it" : obstacles.join("; ");
    const place = buildkitWorker === "oci" ? "a store of its own" : "the nodes' containerd";
    return passed(name, `go to the registry \`${registry.prefix}\`: ${why}. BuildKit works in ${place}`);
  }
  if (obstacles.length === 0)
    return passed(name, `stay in the nodes' own stores${whichStores(usable.length, buildkitWorker)}`);
  const message = `Built images cannot stay in the nodes' own stores, and no registry is named: ${obstacles.join("; ")}`;
  return failed(name, new AzdsError("REGISTRY_NEEDED", message));
}

function whichStores(nodes: number, worker: ImageChoice["buildkitWorker"]): string {
  return worker === "docker"
    ? `, and Docker's own BuildKit makes them: all ${nodes} usable nodes run Docker`
    : `: all ${nodes} usable nodes run containerd`;
}

/** What keeps images that are in no registry from the pods; empty: nothing. */
export function whyNotOnNodes({ nodes, alwaysPulls }: Pick<ClusterFacts, "nodes" | "alwaysPulls">): readonly string[] {
  const [closed, docker, containerd] = [
    nodesWith("closed", nodes),
    nodesWith("docker", nodes),
    nodesWith("containerd", nodes),
  ];
  return [
    ...(alwaysPulls ? ["the cluster makes each pod pull its images anew (AlwaysPullImages)"] : []),
    ...(closed.length === 0
      ? []
      : [`only containerd and Docker let azds put images into their stores, unlike ${named(closed)}`]),
    ...(docker.length === 0 || containerd.length === 0
      ? []
      : [
          `builders work either with containerd or with Docker, and here are both: ${named([...containerd, ...docker])}`,
        ]),
  ];
}

function named(nodes: readonly NodeFacts[]): string {
  return nodes.map(({ name, runtime }) => `${name} (${runtime})`).join(", ");
}

/** It is in every pod of a space. */
function ownImageCheck({ alwaysPulls }: ClusterFacts, { image }: ImageChoice): Result | undefined {
  if (!alwaysPulls || !image.startsWith(`${IMAGE_PREFIX}/`)) return undefined;
  const message = `The cluster makes each pod pull its images anew, and \`${image}\` is in no registry`;
  return failed("Image of azds", new AzdsError("IMAGE_NOT_AVAILABLE", message));
}

function meshCheck(mesh: string): Result {
  return warning("Service mesh", `${mesh} is installed: spaces that it manages too may not route`);
}

function nodeTable(nodes: readonly NodeFacts[]): Event {
  return {
    type: "table",
    columns: ["Node", "Usable", "Runtime", "Images in its store", "Images in a registry"],
    rows: nodes.map(({ name, usable, reason, runtime, store }) => [
      name,
      usable ? "yes" : `no: ${reason}`,
      runtime,
      usable && store !== "closed" ? "yes" : "no",
      usable ? "yes" : "no",
    ]),
  };
}

function passed(name: string, text: string): Result {
  return { check: { type: "check", name, status: "ok", text } };
}

function warning(name: string, text: string): Result {
  return { check: { type: "check", name, status: "warning", text } };
}

function failed(name: string, failure: AzdsError): Result {
  return { check: { type: "check", name, status: "failed", text: failure.message }, failure };
}
