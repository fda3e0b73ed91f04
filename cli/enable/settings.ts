/** From options, what the cluster says and what was chosen before, to the settings of the control plane; pure. */
import { IMAGE_PREFIX, LOCAL_HOST_SUFFIX, VERSION } from "../../core/contract.ts";
import { AzdsError } from "../../core/errors.ts";
import { asStringRecord, at } from "../../core/parse.ts";
import { redirectForm, type RedirectForm } from "../../core/sidecar-config.ts";
import {
  BUILDKIT_IMAGE_DEFAULT,
  CLUSTER_DOMAIN_DEFAULT,
  infoOf,
  type BuildkitWorker,
  type ControlPlaneSettings,
  type Endpoint,
} from "../../templates/control-plane/settings.ts";
import { allRunDocker, clusterDomainOf, containerdOf, type NodeFacts } from "./nodes.ts";
import { servesAdmissionPolicies, type ClusterFacts } from "./preflight.ts";
import { type RegistryOptions, resolveRegistry } from "./registry.ts";

/** What the command line said; undefined: nothing. */
export interface EnableOptions extends RegistryOptions {
  readonly image: string | undefined;
  readonly buildkitImage: string | undefined;
  readonly buildkitWorker: BuildkitWorker | undefined;
  readonly containerdRoot: string | undefined;
  readonly hostSuffix: string | undefined;
  readonly endpoint: Endpoint | undefined;
  readonly redirect: RedirectForm | undefined;
  readonly tlsSecret: string | undefined;
  readonly trustExternalHeader: boolean | undefined;
}

/** Data of the ConfigMap that an earlier run left; empty before the first. */
export type Info = Readonly<Record<string, string>>;

export function readInfo(configMap: unknown): Info {
  return asStringRecord(at(configMap, "data"));
}

export interface SettingsSources {
  readonly options: EnableOptions;
  readonly before: Info;
  readonly facts: Pick<ClusterFacts, "version" | "nodes">;
  /** Reference of the image that this executable exports. */
  readonly ownImage: string;
}

/** Order: option, choice of an earlier run, what the nodes say, default. */
export function resolveSettings({ options, before, facts, ownImage }: SettingsSources): ControlPlaneSettings {
  const registry = resolveRegistry(options, before);
  return {
    version: VERSION,
    image: options.image ?? earlierImage(before) ?? ownImage,
    imagePullPolicy: "IfNotPresent",
    buildkitImage: options.buildkitImage ?? before["buildkitImage"] ?? BUILDKIT_IMAGE_DEFAULT,
    hostSuffix: suffixOf(options.hostSuffix) ?? before["hostSuffix"] ?? LOCAL_HOST_SUFFIX,
    clusterDomain: clusterDomainOf(facts.nodes) ?? before["clusterDomain"] ?? CLUSTER_DOMAIN_DEFAULT,
    redirect: options.redirect ?? redirectForm(before["redirect"]) ?? "init",
    endpoint: options.endpoint ?? endpointOf(before["endpoint"]) ?? "public",
    tlsSecret: options.tlsSecret ?? before["tlsSecret"] ?? "",
    trustExternalHeader: options.trustExternalHeader ?? before["trustExternalHeader"] === "true",
    containerd: containerd(options, before, facts.nodes),
    ...(registry === undefined ? {} : { registry }),
    buildkitWorker: workerOf({ options, before, facts }, registry !== undefined),
    admissionPolicies: servesAdmissionPolicies(facts),
  };
}

/** The runtimes decide where they must: whatever was said, nobody works in a containerd that is not there. @throws AzdsError USAGE */
function workerOf(
  { options, before, facts }: Pick<SettingsSources, "options" | "before" | "facts">,
  hasRegistry: boolean,
): BuildkitWorker {
  const asked = options.buildkitWorker;
  if (!hasRegistry) {
    if (asked !== "oci") return allRunDocker(facts.nodes) ? "docker" : "containerd";
    throw new AzdsError(
      "USAGE",
      "`--buildkit-worker oci` leaves nothing in the nodes' stores, so it needs `--registry`",
    );
  }
  if (facts.nodes.some(({ usable, store }) => usable && store !== "containerd")) return "oci";
  return asked ?? buildkitWorker(before["buildkitWorker"]) ?? "containerd";
}

export function buildkitWorker(text: string | undefined): BuildkitWorker | undefined {
  return text === "containerd" || text === "oci" ? text : undefined;
}

/** Whether a run with these settings has nothing to change. */
export function isUnchanged(before: Info, settings: ControlPlaneSettings): boolean {
  return Object.entries(infoOf(settings)).every(([key, value]) => before[key] === value);
}

/** A reference that somebody named stays for as long as the version does; our own follows the executable. */
function earlierImage(before: Info): string | undefined {
  const image = before["image"];
  const isNamed = image !== undefined && !image.startsWith(`${IMAGE_PREFIX}/`);
  return isNamed && before["version"] === VERSION ? image : undefined;
}

function containerd(
  options: EnableOptions,
  before: Info,
  nodes: readonly NodeFacts[],
): ControlPlaneSettings["containerd"] {
  const seen = containerdOf(nodes);
  const { containerdRoot, containerdSocket } = before;
  return {
    root: options.containerdRoot ?? containerdRoot ?? seen.root,
    socket: containerdSocket ?? seen.socket,
  };
}

/** Also as Azure Dev Spaces wrote them: `Public`, `Private`, `None`. */
export function endpointOf(text: string | undefined): Endpoint | undefined {
  const lower = text?.toLowerCase();
  return lower === "public" || lower === "private" || lower === "none" ? lower : undefined;
}

/** DNS labels (RFC 1123), at least two: a name of one label nobody can own. */
const HOST_SUFFIX = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** Leaves room for `<child>.s.<root>.<service>` in the 253 characters of a host name. */
const HOST_SUFFIX_CHARS_MAX = 120;

/**
 * Also as the record in the DNS is written: `*.dev.example.com`. With its leading dot.
 * @throws AzdsError USAGE
 */
export function suffixOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const name = text.toLowerCase().replace(/^\*?\./, "");
  if (HOST_SUFFIX.test(name) && name.length <= HOST_SUFFIX_CHARS_MAX) return `.${name}`;
  const why = name.includes("*") ? "`*` may stand only at its beginning" : "it is no DNS name of two labels or more";
  throw new AzdsError("USAGE", `\`--host-suffix ${text}\` cannot be used: ${why}, for example \`.dev.example.com\``);
}
