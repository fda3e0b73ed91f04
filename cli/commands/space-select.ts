import { define } from "./define.ts";

export const spaceSelect = define({
  command: "space select",
  describe: "Make a dev space the target of later commands; made when absent",
  options: {
    name: { alias: "n", type: "string", requiresArg: true, describe: "`dev`, or `dev/alice` for a child of `dev`" },
  },
  examples: [
    ["azds space select", "Ask for the dev space"],
    ["azds space select -n dev/alice -y", "Make `alice` below `dev` when absent, ask nothing"],
  ],
  action: () => import("../actions/space-select.ts"),
});
