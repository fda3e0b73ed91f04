/** Everything that enabling puts into a cluster; pure. */
import { SYSTEM_NAMESPACE } from "../../core/contract.ts";
import { info, userRoles } from "./access.ts";
import { builder } from "./builder.ts";
import { controller } from "./controller.ts";
import { gateway } from "./gateway.ts";
import { clusterScoped, type KubeObject } from "./object.ts";
import { spacePolicy } from "./policy.ts";
import type { ControlPlaneSettings } from "./settings.ts";
import { webhook, webhookConfiguration } from "./webhook.ts";

export function controlPlane(settings: ControlPlaneSettings): readonly KubeObject[] {
  return [
    namespace(settings.version),
    ...info(settings),
    ...userRoles(settings),
    ...(settings.admissionPolicies ? spacePolicy(settings.version) : []),
    ...webhook(settings),
    ...controller(settings),
    ...builder(settings),
    ...(settings.endpoint === "none" ? [] : gateway(settings)),
    webhookConfiguration(settings),
  ];
}

/** What an earlier run may have made and these settings do without. */
export function obsolete(settings: ControlPlaneSettings): readonly KubeObject[] {
  return settings.endpoint === "none" ? gateway(settings) : [];
}

function namespace(version: string): KubeObject {
  const metadata = clusterScoped({ name: SYSTEM_NAMESPACE, component: "cluster", version });
  return {
    apiVersion: "v1",
    kind: "Namespace",
    // BuildKit mounts file systems and so needs the privileged standard; our own programs ask for nothing.
    metadata: { ...metadata, labels: { ...metadata.labels, "pod-security.kubernetes.io/enforce": "privileged" } },
  };
}
