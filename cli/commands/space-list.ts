import { define } from "./define.ts";

export const spaceList = define({
  command: "space list",
  describe: "List all namespaces and which of them are dev spaces",
  options: {},
  action: () => import("../actions/space-list.ts"),
});
