import { define } from "./define.ts";

export const clusterDisable = define({
  command: "cluster disable",
  aliases: ["remove"],
  describe: "Take azds out of the cluster; spaces and workloads stay",
  options: {
    name: { alias: "n", type: "string", describe: "Accepted as in Azure Dev Spaces; the kubeconfig context decides" },
    "resource-group": { alias: "g", type: "string", describe: "Accepted as in Azure Dev Spaces; not used" },
  },
  action: () => import("../actions/cluster-disable.ts"),
});
