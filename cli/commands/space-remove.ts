import { define } from "./define.ts";

export const spaceRemove = define({
  command: "space remove",
  describe: "Delete a dev space with everything in it",
  options: {
    name: { alias: "n", type: "string", requiresArg: true, demandOption: true, describe: "Dev space to remove" },
    "no-delete": { type: "boolean", default: false, describe: "Keep the namespace, only take its labels away" },
  },
  action: () => import("../actions/space-remove.ts"),
});
