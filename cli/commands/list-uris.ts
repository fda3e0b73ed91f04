import { define } from "./define.ts";

export const listUris = define({
  command: "list-uris",
  describe: "List the addresses of the services in the selected dev space",
  options: {
    all: { alias: "a", type: "boolean", default: false, describe: "Addresses of all dev spaces" },
  },
  action: () => import("../actions/list-uris.ts"),
});
