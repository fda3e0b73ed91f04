import { define } from "./define.ts";

export const clusterStatus = define({
  command: "cluster status",
  describe: "Show each part of azds in the cluster and what is wrong with it",
  options: {},
  action: () => import("../actions/cluster-status.ts"),
});
