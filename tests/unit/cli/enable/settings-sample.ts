import {
  BUILDKIT_IMAGE_DEFAULT,
  CLUSTER_DOMAIN_DEFAULT,
  CONTAINERD_DEFAULTS,
  type ControlPlaneSettings,
} from "../../../../templates/control-plane/settings.ts";

export const SETTINGS: ControlPlaneSettings = {
  image: "azds.local/azds:1.2.3-0123456789ab",
  imagePullPolicy: "IfNotPresent",
  buildkitImage: BUILDKIT_IMAGE_DEFAULT,
  version: "1.2.3",
  hostSuffix: ".azds.localhost",
  clusterDomain: CLUSTER_DOMAIN_DEFAULT,
  endpoint: "none",
  redirect: "init",
  tlsSecret: "",
  trustExternalHeader: false,
  containerd: CONTAINERD_DEFAULTS,
  buildkitWorker: "containerd",
  admissionPolicies: true,
};
