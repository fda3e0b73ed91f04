/**
 * A pod of a space, as it is admitted: with the redirect and the sidecar, and in a session with build and agent.
 * Pure: the same pod, namespace and settings always give the same patch.
 */
import type { BuildConfig } from "../core/build-config.ts";
import {
  INJECTED_ANNOTATION,
  INSTRUMENTED_LABEL,
  OPAQUE_PORTS_ANNOTATION,
  REDACT_ANNOTATION,
  PROBES_ANNOTATION,
  SESSION_LABEL,
  SKIP_INBOUND_PORTS_ANNOTATION,
  SKIP_OUTBOUND_PORTS_ANNOTATION,
  SKIPPED_ANNOTATION,
  WARNING_ANNOTATION,
} from "../core/contract.ts";
import { asArray, at, isObject, type JsonObject } from "../core/parse.ts";
import { forbidsNetAdmin } from "../core/pod-security.ts";
import { PLAIN_CONTAINER, type Session } from "../core/session.ts";
import type { RedirectForm, SidecarConfig } from "../core/sidecar-config.ts";
import { preferNode } from "./affinity.ts";
import { readNames, readPorts, readResources } from "./annotations.ts";
import { agentVolume, buildContainer, proxyContainer, proxyInitContainer, tokenVolume } from "./containers.ts";
import { planDns } from "./dns.ts";
import { jsonPatch, type JsonPatch } from "./patch.ts";
import {
  annotated,
  annotationsOf,
  containersOf,
  initContainersOf,
  labelled,
  nameOf,
  type Container,
  type Pod,
} from "./pod.ts";
import { moveProbes } from "./probes.ts";
import { describeSkip, describeWarning, isSilent, type SkipReason, type Warning } from "./reasons.ts";
import { planSeed, type SeedPlan } from "./seed.ts";
import { sessionImages, underAgent, withNodeImage, type SessionImages } from "./session-images.ts";
import type { InjectSettings } from "./settings.ts";
import { skipReason, type Namespace } from "./skip.ts";
import { podWarnings } from "./warnings.ts";

/** What the session's Lease says of the pod. */
export type SessionRecord = Pick<Session, "lastNode" | "container" | "edits">;

export interface InjectInput {
  readonly pod: Pod;
  readonly namespace: Namespace;
  /** Nearest first: parent, grandparent, … */
  readonly ancestors: readonly string[];
  /** Absent where the session has none. */
  readonly record?: SessionRecord | "unreadable" | undefined;
  readonly settings: InjectSettings;
}

export type InjectResult =
  | { readonly kind: "patch"; readonly operations: readonly JsonPatch[]; readonly warnings: readonly Warning[] }
  /** `operations` write the reason into an annotation and nothing else. */
  | { readonly kind: "skip"; readonly reason: SkipReason; readonly operations: readonly JsonPatch[] };

export function inject(input: InjectInput): InjectResult {
  const reason = skipReason(input.pod, input.namespace);
  if (reason !== undefined) {
    const noted = isSilent(reason) ? input.pod : annotated(input.pod, { [SKIPPED_ANNOTATION]: describeSkip(reason) });
    return { kind: "skip", reason, operations: jsonPatch(input.pod, noted) };
  }
  const { pod, warnings } = injectPod(input);
  return { kind: "patch", operations: jsonPatch(input.pod, pod), warnings };
}

export interface InjectedPod {
  readonly pod: Pod;
  readonly warnings: readonly Warning[];
}

/** The injected pod. Only for pods without a `skipReason`. */
export function injectPod(input: InjectInput): InjectedPod {
  const { pod, namespace, settings } = input;
  const session = sessionImages(pod, namespace.name);
  const resources = readResources(pod);
  const ports = readAllPorts(pod);
  // Pods that end by themselves would wait for ever for a sidecar among their containers.
  const native = (at(pod, "spec", "restartPolicy") ?? "Always") !== "Always";
  const edited = editedBuild(session, recordIn(input));
  const own = planOwn(input, { session, hold: !native, edited: edited !== undefined, resources: resources.value });
  const attended = annotationsOf(pod)[PROBES_ANNOTATION] === "application" ? undefined : session?.main;
  const probes = moveProbes(own, attended);
  const dns = planDns(pod, input.ancestors, settings.clusterDomain);
  const warnings = [
    ...podWarnings(pod, namespace),
    ...resources.warnings,
    ...ports.warnings,
    ...own.warnings,
    ...probes.warnings,
    ...dns.warnings,
    ...(session?.others ?? []).map((other): Warning => ({ code: "several-sessions", detail: other })),
  ];
  const redirect = redirectIn(input);
  const config = sidecarConfig(input, {
    ...ports.lists,
    redirect,
    redact: readNames(pod, REDACT_ANNOTATION),
    probes: probes.probes,
    session: session?.session,
  });
  const ours = { image: settings.image, imagePullPolicy: settings.imagePullPolicy, resources: resources.value };
  const build =
    session === undefined ? [] : [buildContainer(ours, buildConfig(session, settings, edited)), ...own.seed];
  const init = redirect === "init" ? [proxyInitContainer(ours, config)] : [];
  const proxy = [proxyContainer(ours, config, native)];
  const spec = {
    ...(isObject(pod["spec"]) ? pod["spec"] : {}),
    initContainers: [...build, ...probes.initContainers, ...init, ...(native ? proxy : [])],
    containers: [...(native ? [] : proxy), ...probes.containers],
    volumes: [
      ...asArray(at(pod, "spec", "volumes")),
      ...(session === undefined ? [] : [agentVolume]),
      ...own.volumes,
      tokenVolume,
    ],
    dnsConfig: dns.dnsConfig,
    affinity: preferNode(at(pod, "spec", "affinity"), session === undefined ? undefined : recordIn(input)?.lastNode),
  };
  return { pod: withNotes({ ...pod, spec }, { input, session, warnings }), warnings };
}

/** A pod with the init container would not be admitted in a namespace that forbids its capability. */
function redirectIn({ namespace, settings }: InjectInput): RedirectForm {
  return forbidsNetAdmin(namespace.labels) ? "node" : settings.redirect;
}

function recordIn({ record }: InjectInput): SessionRecord | undefined {
  return record === "unreadable" ? undefined : record;
}

interface OwnContainers extends Pick<SeedPlan, "volumes" | "warnings"> {
  readonly initContainers: readonly Container[];
  readonly containers: readonly Container[];
  /** Fills the volume for synced files. */
  readonly seed: readonly Container[];
}

interface OwnOptions {
  readonly session: SessionImages | undefined;
  readonly hold: boolean;
  readonly edited: boolean;
  readonly resources: JsonObject;
}

/** The user's containers as they are to run; those of a session under the agent and as its record wishes. */
function planOwn(input: InjectInput, { session, hold, edited, resources }: OwnOptions): OwnContainers {
  const { pod, namespace, record } = input;
  const wish = recordIn(input)?.container ?? PLAIN_CONTAINER;
  const plans = containersOf(pod).map((container): SeedPlan => {
    const isMain = session !== undefined && nameOf(container) === session.main;
    const { command, syncTarget, volume, attended, buildCommands, awaitExec } = isMain ? wish : PLAIN_CONTAINER;
    const started = underAgent(container, {
      namespace: namespace.name,
      hold,
      attended,
      buildCommands,
      awaitExec,
      edited: isMain && edited,
      command,
      syncTarget,
    });
    return planSeed(started, { folder: volume, volumes: asArray(at(pod, "spec", "volumes")), resources });
  });
  const unread = session !== undefined && record === "unreadable";
  return {
    initContainers: initContainersOf(pod).map((container) => withNodeImage(container, namespace.name)),
    containers: plans.map((plan) => plan.container),
    seed: plans.flatMap((plan) => plan.initContainers),
    volumes: plans.flatMap((plan) => plan.volumes),
    warnings: [
      ...plans.flatMap((plan) => plan.warnings),
      ...(unread ? [{ code: "session-unread", detail: session.session } as const] : []),
    ],
  };
}

interface Notes {
  readonly input: InjectInput;
  readonly session: SessionImages | undefined;
  readonly warnings: readonly Warning[];
}

/** Labels and annotations, for selectors, for `kubectl` and for people. */
function withNotes(pod: Pod, { input, session, warnings }: Notes): Pod {
  const [first] = containersOf(input.pod).map(nameOf);
  return annotated(
    labelled(pod, {
      [INSTRUMENTED_LABEL]: "true",
      ...(session === undefined ? {} : { [SESSION_LABEL]: session.session }),
    }),
    {
      // The sidecar stands first; `kubectl logs` and `exec` should still mean the application.
      "kubectl.kubernetes.io/default-container": first ?? "",
      ...annotationsOf(input.pod),
      [INJECTED_ANNOTATION]: input.settings.version,
      ...(warnings.length === 0 ? {} : { [WARNING_ANNOTATION]: warnings.map(describeWarning).join("; ") }),
    },
  );
}

function buildConfig(
  { session, images }: SessionImages,
  { builder, ca }: InjectSettings,
  edited: number | undefined,
): BuildConfig {
  return { version: 1, session, images, builder, ca, ...(edited === undefined ? {} : { edited }) };
}

/** Edits belong to one build: another has them in its image, or never had them. */
function editedBuild(session: SessionImages | undefined, record: SessionRecord | undefined): number | undefined {
  const edits = record?.edits;
  return edits !== undefined && edits.edits > 0 ? session?.builds.find((build) => build === edits.build) : undefined;
}

type PortLists = Pick<SidecarConfig, "opaquePorts" | "skipInboundPorts" | "skipOutboundPorts">;

function readAllPorts(pod: Pod): { readonly lists: PortLists; readonly warnings: readonly Warning[] } {
  const opaque = readPorts(pod, OPAQUE_PORTS_ANNOTATION);
  const inbound = readPorts(pod, SKIP_INBOUND_PORTS_ANNOTATION);
  const outbound = readPorts(pod, SKIP_OUTBOUND_PORTS_ANNOTATION);
  return {
    lists: { opaquePorts: opaque.value, skipInboundPorts: inbound.value, skipOutboundPorts: outbound.value },
    warnings: [...opaque.warnings, ...inbound.warnings, ...outbound.warnings],
  };
}

interface FromPod extends PortLists {
  readonly redirect: RedirectForm;
  readonly redact: readonly string[];
  readonly probes: SidecarConfig["probes"];
  readonly session: string | undefined;
}

function sidecarConfig({ namespace, ancestors, settings }: InjectInput, fromPod: FromPod): SidecarConfig {
  const { session, redact, ...lists } = fromPod;
  return {
    version: 1,
    space: namespace.name,
    ancestors,
    controller: settings.controller,
    builder: settings.builder,
    ca: settings.ca,
    ...lists,
    ...(session === undefined ? {} : { session }),
    ...(redact.length === 0 ? {} : { redact }),
    hostSuffix: settings.hostSuffix,
  };
}
