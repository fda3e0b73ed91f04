import type { InjectSettings } from "../../../../webhook/settings.ts";

export const settings: InjectSettings = {
  version: "0.1.0",
  image: "azds:0.1.0",
  imagePullPolicy: "IfNotPresent",
  hostSuffix: ".azds.localhost",
  clusterDomain: "cluster.local",
  redirect: "init",
  controller: { address: "10.96.0.11", port: 443, serverName: "azds-controller.azds.svc" },
  builder: { address: "10.96.0.12", port: 443, serverName: "azds-builder.azds.svc" },
  ca: "PEM",
};
