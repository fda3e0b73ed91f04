/** The admission server and the two calls that the API server makes to it. */
import {
  COMPONENT,
  PROGRAM,
  SERVER_PORT,
  SPACE_LABEL,
  SYSTEM_NAMESPACE,
  WEBHOOK_CONFIGURATION,
} from "../../core/contract.ts";
import { ADMISSION_TIMEOUT_S } from "../../core/limits.ts";
import { formatSettings, SETTINGS_VARIABLE, type WebhookSettings } from "../../webhook/settings.ts";
import { programAccess } from "./access.ts";
import { clusterScoped, type Identity, type KubeObject } from "./object.ts";
import { WEBHOOK_RULES } from "./rules.ts";
import { serverProgram } from "./server.ts";
import type { ControlPlaneSettings } from "./settings.ts";

export function webhook(settings: ControlPlaneSettings): readonly KubeObject[] {
  const identity: Identity = { name: COMPONENT.webhook, component: "webhook", version: settings.version };
  const { image, imagePullPolicy, hostSuffix, clusterDomain, redirect } = settings;
  const own = { image, imagePullPolicy, hostSuffix, clusterDomain, redirect, ...registryOf(settings) };
  const server = {
    identity,
    program: PROGRAM.webhook,
    port: SERVER_PORT.webhook,
    env: { [SETTINGS_VARIABLE]: formatSettings(own) },
  };
  return [...programAccess(identity, WEBHOOK_RULES), ...serverProgram(server, settings)];
}

function registryOf({ registry }: ControlPlaneSettings): Pick<WebhookSettings, "registry"> {
  if (registry === undefined) return {};
  return { registry: { prefix: registry.prefix, hasPullSecret: registry.pullSecret !== "" } };
}

/**
 * Applied last of all. `caBundle` is left out: the controller fills it, and a field that is never applied is never
 * taken away again. Until then the API server cannot call, and pods pass as they are.
 */
export function webhookConfiguration(settings: ControlPlaneSettings): KubeObject {
  const isSpace = { matchLabels: { [SPACE_LABEL]: "true" } };
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingWebhookConfiguration",
    metadata: clusterScoped({ name: WEBHOOK_CONFIGURATION, component: "webhook", version: settings.version }),
    webhooks: [
      {
        ...call("/pods"),
        name: "pods.azds.io",
        // Other webhooks may add containers behind us: be asked again then.
        reinvocationPolicy: "IfNeeded",
        namespaceSelector: {
          ...isSpace,
          matchExpressions: [
            {
              key: "kubernetes.io/metadata.name",
              operator: "NotIn",
              values: ["kube-system", "kube-public", "kube-node-lease", SYSTEM_NAMESPACE],
            },
          ],
        },
        rules: [
          { apiGroups: [""], apiVersions: ["v1"], resources: ["pods"], operations: ["CREATE"], scope: "Namespaced" },
        ],
      },
      {
        ...call("/namespaces"),
        name: "spaces.azds.io",
        objectSelector: isSpace,
        rules: [
          {
            apiGroups: [""],
            apiVersions: ["v1"],
            resources: ["namespaces"],
            operations: ["CREATE", "UPDATE"],
            scope: "Cluster",
          },
        ],
      },
    ],
  };
}

function call(path: string): Readonly<Record<string, unknown>> {
  return {
    admissionReviewVersions: ["v1"],
    clientConfig: { service: { name: COMPONENT.webhook, namespace: SYSTEM_NAMESPACE, path, port: 443 } },
    // A cluster whose pods cannot be made because azds is away would be worse than a pod without a sidecar.
    failurePolicy: "Ignore",
    matchPolicy: "Equivalent",
    sideEffects: "NoneOnDryRun",
    timeoutSeconds: ADMISSION_TIMEOUT_S,
  };
}
