import { define } from "./define.ts";

export const listUp = define({
  command: "list-up",
  describe: "List the services that requests to the selected dev space reach",
  options: {
    all: { alias: "a", type: "boolean", default: false, describe: "Services and pods of all dev spaces" },
  },
  action: () => import("../actions/list-up.ts"),
});
