import { define } from "./define.ts";

export const version = define({
  command: "version",
  describe: "Show the version of azds",
  options: {},
  action: () => import("../actions/version.ts"),
});
