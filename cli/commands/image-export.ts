import { define } from "./define.ts";

export const imageExport = define({
  command: "image export <file>",
  describe: "Write the image of azds as an OCI archive, to load into nodes or a registry",
  positionals: {
    file: { type: "string", demandOption: true, describe: "Where to write it, for example azds-image.tar" },
  },
  options: {
    reference: { type: "string", requiresArg: true, describe: "Name of the image; default: one that tells this build" },
  },
  action: () => import("../actions/image-export.ts"),
});
