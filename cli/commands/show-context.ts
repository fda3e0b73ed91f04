import { define } from "./define.ts";

export const showContext = define({
  command: "show-context",
  describe: "Show the cluster and the selected dev space",
  options: {},
  action: () => import("../actions/show-context.ts"),
});
