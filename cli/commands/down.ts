import { define } from "./define.ts";

export const down = define({
  command: "down",
  describe: "Remove this folder's service from the dev space; requests then reach the parent's",
  options: {
    space: { alias: "n", type: "string", requiresArg: true, describe: "Dev space to use instead of the selected one" },
  },
  action: () => import("../actions/down.ts"),
});
