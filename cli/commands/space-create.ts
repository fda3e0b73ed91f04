import { define } from "./define.ts";

export const spaceCreate = define({
  command: "space create",
  describe: "Make a new dev space and select it",
  options: {
    name: {
      alias: "n",
      type: "string",
      requiresArg: true,
      demandOption: true,
      describe: "`dev`, or `dev/alice` for a child of `dev`",
    },
    parent: { type: "string", requiresArg: true, describe: "Parent of the new dev space" },
  },
  action: () => import("../actions/space-create.ts"),
});
