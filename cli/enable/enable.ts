/** `azds cluster enable`, from the preflight to running parts; the dev space is chosen afterwards. */
import { COMPONENT, SYSTEM_NAMESPACE } from "../../core/contract.ts";
import { AzdsError } from "../../core/errors.ts";
import { certificateOfSecret } from "../../core/host/certificate.ts";
import { KubeError } from "../../core/kube/types.ts";
import { controlPlane, obsolete } from "../../templates/control-plane/control-plane.ts";
import type { ControlPlaneSettings } from "../../templates/control-plane/settings.ts";
import { gatherFacts } from "./facts.ts";
import { agreeToReplace, findNamespaceState, install } from "./install.ts";
import type { NamespaceState } from "./plan.ts";
import type { Ports } from "./ports.ts";
import { evaluatePreflight, type ClusterFacts } from "./preflight.ts";
import { registryHost, whySecretIsNone } from "./registry.ts";
import { describeRight } from "./rights.ts";
import { secretPath } from "./secret-path.ts";
import { isUnchanged, readInfo, resolveSettings, type EnableOptions, type Info } from "./settings.ts";
import { isReady, waitReady } from "./wait-ready.ts";

export interface EnableRequest {
  readonly options: EnableOptions;
  /** Reference of the image that this executable exports. */
  readonly ownImage: string;
  /** Replaces a foreign namespace `azds` without asking. */
  readonly replaceNamespace: boolean;
  /** False: returns before the parts are ready. */
  readonly wait: boolean;
}

const INFO_PATH = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/configmaps/${COMPONENT.info}`;
/** Facts before anything was asked, enough to know which kinds of objects there will be. */
const UNKNOWN = { version: { major: 1, minor: 30, text: "" }, nodes: [] } as const;

/**
 * Safe to repeat: what is there already is brought to this version, and what is right stays untouched.
 * @throws AzdsError for each check of the preflight, DECLINED, NAMESPACE_FOREIGN, IMAGE_NOT_AVAILABLE, COMPONENT_NOT_READY
 */
export async function enable(ports: Ports, request: EnableRequest): Promise<ControlPlaneSettings> {
  const { cluster, signal } = ports;
  const before = await findInfo(ports);
  const sources = { options: request.options, before, ownImage: request.ownImage };
  const facts = await gatherFacts(cluster, controlPlane(resolveSettings({ ...sources, facts: UNKNOWN })), signal);
  const settings = resolveSettings({ ...sources, facts });
  const isEnabled = before["version"] !== undefined;
  const isAsked = Object.values(request.options).some((option) => option !== undefined);
  if (isEnabled && !isAsked && facts.missingRights.length > 0) return leaveAsItIs(ports, settings, facts);
  if (facts.missingRights.length > 0) judge(ports, facts, settings);
  await requireTlsSecret(ports, request.options.tlsSecret);
  await requireRegistrySecrets(ports, settings, request.options);
  const state = await findNamespaceState(ports);
  const usableNodes = facts.nodes.filter((node) => node.usable).length;
  const decided = { request, settings, state, usableNodes };
  // What the cluster has become since may forbid what was right then.
  const mayStay = evaluatePreflight(facts, settings).failure === undefined;
  const isCurrent = state.kind === "ours" && isUnchanged(before, settings) && mayStay;
  if (isCurrent && (await isReady(ports, { usableNodes, gateway: settings.endpoint !== "none" }))) {
    await ports.step("select", `Selecting Kubernetes cluster '${cluster.context}'`, async () =>
      apply({ ...ports, step: async (_id, _text, work) => work() }, decided),
    );
    return settings;
  }
  judge(ports, facts, settings);
  await agree(ports, state, request);
  await apply(ports, decided);
  if (isEnabled && (before["registry"] ?? "") !== (settings.registry?.prefix ?? "")) {
    const text = "Services under development get their images from there with their next `azds up`, and not before";
    ports.emit({ type: "message", level: "warning", text });
  }
  return settings;
}

/** @throws AzdsError TLS_SECRET_MISSING unless it holds a pair; looked at only when it is named anew */
async function requireTlsSecret({ cluster, signal }: Ports, name: string | undefined): Promise<void> {
  if (name === undefined || name === "") return;
  const secret = await cluster.kube.find(secretPath(name), signal);
  if (certificateOfSecret(secret) !== undefined) return;
  const why = secret === undefined ? "does not exist" : "holds no certificate with its private key";
  throw new AzdsError("TLS_SECRET_MISSING", `The Secret \`${name}\` in namespace \`${SYSTEM_NAMESPACE}\` ${why}`);
}

/** @throws AzdsError REGISTRY_SECRET_INVALID; looked at only when something of the registry is said anew */
async function requireRegistrySecrets(
  { cluster, signal }: Ports,
  { registry }: ControlPlaneSettings,
  { registry: prefix, registrySecret, registryPullSecret }: EnableOptions,
): Promise<void> {
  if (registry === undefined || [prefix, registrySecret, registryPullSecret].every((said) => said === undefined))
    return;
  for (const name of new Set([registry.secret, registry.pullSecret])) {
    if (name === "") continue;
    const why = whySecretIsNone(await cluster.kube.find(secretPath(name), signal), registryHost(registry));
    if (why === undefined) continue;
    throw new AzdsError(
      "REGISTRY_SECRET_INVALID",
      `The Secret \`${name}\` in namespace \`${SYSTEM_NAMESPACE}\` ${why}`,
    );
  }
}

/** Of an earlier run; empty where there was none. */
async function findInfo({ cluster, signal }: Ports): Promise<Info> {
  try {
    return readInfo(await cluster.kube.find(INFO_PATH, signal));
  } catch (error) {
    // Enabling gives everybody the right to read it.
    if (error instanceof KubeError && error.status === 403) return {};
    throw error;
  }
}

/** Whoever may not change azds, and asks for no change, can still select a space in a cluster that has it. */
function leaveAsItIs({ emit }: Ports, settings: ControlPlaneSettings, facts: ClusterFacts): ControlPlaneSettings {
  const right = describeRight(facts.missingRights[0] ?? { verb: "", group: "", resource: "" });
  emit({ type: "message", level: "verbose", text: `azds is enabled and stays as it is: you may not \`${right}\`` });
  return settings;
}

/** @throws AzdsError for the first check that failed, after all were said */
function judge({ emit }: Ports, facts: ClusterFacts, settings: ControlPlaneSettings): void {
  const { events, failure } = evaluatePreflight(facts, settings);
  for (const event of events) emit(event);
  if (failure !== undefined) throw failure;
}

async function agree(ports: Ports, state: NamespaceState, { replaceNamespace }: EnableRequest): Promise<void> {
  if (state.kind === "ours") return;
  const agreed = await ports.ask({
    kind: "confirm",
    id: "install",
    text: `An azds controller will be created in the namespace '${SYSTEM_NAMESPACE}' of the Kubernetes cluster '${ports.cluster.context}'. Continue?`,
    whenEmpty: false,
    whenUnattended: false,
  });
  if (!agreed) throw new AzdsError("DECLINED", "azds was not enabled; `-y` answers yes where nobody can be asked");
  await agreeToReplace(ports, state, replaceNamespace);
}

interface Decided {
  readonly request: EnableRequest;
  readonly settings: ControlPlaneSettings;
  readonly state: NamespaceState;
  readonly usableNodes: number;
}

async function apply(ports: Ports, { request, settings, state, usableNodes }: Decided): Promise<void> {
  await install(ports, state, { objects: controlPlane(settings), obsolete: obsolete(settings) });
  if (request.wait) await waitReady(ports, { ...settings, usableNodes, gateway: settings.endpoint !== "none" });
}
