/** What the installation tells the webhook, and what injection needs to know besides the pod. */
import { asString, expectObject, expectString, member, parseJson } from "../core/parse.ts";
import { redirectForm, type RedirectForm, type ServerAddress } from "../core/sidecar-config.ts";

/** Environment variable of `__webhook` that holds `WebhookSettings` as JSON. */
export const SETTINGS_VARIABLE = "AZDS_SETTINGS";

const PULL_POLICIES = ["Always", "IfNotPresent", "Never"] as const;
type PullPolicy = (typeof PULL_POLICIES)[number];

export interface WebhookSettings {
  /** Reference of our image, as the nodes know it. */
  readonly image: string;
  readonly imagePullPolicy: PullPolicy;
  /** Suffix of URLs, with its leading dot. */
  readonly hostSuffix: string;
  /** DNS domain of the cluster, without dots at its ends. */
  readonly clusterDomain: string;
  /** Where both forms are permitted. */
  readonly redirect: RedirectForm;
  /** Where built images are pulled from; absent: they are in the node's own store. */
  readonly registry?: RegistrySettings;
}

export interface RegistrySettings {
  /** `HOST[:PORT][/PATH]` */
  readonly prefix: string;
  /** Spaces have the PULL_SECRET. */
  readonly hasPullSecret: boolean;
}

export interface InjectSettings extends WebhookSettings {
  /** Of azds; becomes the value of INJECTED_ANNOTATION. */
  readonly version: string;
  readonly controller: ServerAddress;
  readonly builder: ServerAddress;
  /** PEM of our certificate authority. */
  readonly ca: string;
}

const DEFAULT_CLUSTER_DOMAIN = "cluster.local";

export function formatSettings(settings: WebhookSettings): string {
  return JSON.stringify(settings);
}

/** @throws AzdsError PROTOCOL when the text is no settings of this version */
export function parseSettings(text: string): WebhookSettings {
  const place = { code: "PROTOCOL", path: SETTINGS_VARIABLE } as const;
  const value = expectObject(parseJson(text, place), place);
  const field = (name: string): string =>
    expectString(value[name], { code: "PROTOCOL", path: `${SETTINGS_VARIABLE}.${name}` });
  return {
    image: field("image"),
    imagePullPolicy: PULL_POLICIES.find((policy) => policy === value["imagePullPolicy"]) ?? "IfNotPresent",
    hostSuffix: field("hostSuffix"),
    clusterDomain: value["clusterDomain"] === undefined ? DEFAULT_CLUSTER_DOMAIN : field("clusterDomain"),
    redirect: redirectForm(value["redirect"]) ?? "init",
    ...parseRegistry(value["registry"]),
  };
}

function parseRegistry(value: unknown): Pick<WebhookSettings, "registry"> {
  const prefix = asString(member(value, "prefix"));
  return prefix === undefined
    ? {}
    : {
        registry: {
          prefix,
          hasPullSecret: member(value, "hasPullSecret") === true,
        },
      };
}
