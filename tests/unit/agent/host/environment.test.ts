import { expect, test } from "bun:test";
import { applicationEnvironment } from "../../../../agent/host/environment.ts";

test("applicationEnvironment() removes our configuration and keeps what pod and image gave", () => {
  const own = { PATH: "/bin", AZDS_BUILD: "{}", AZDS_POD_NAME: "web-1", AZDS_MINE: "yes", BUN_INSTALL: "/bun" };
  expect(applicationEnvironment(own)).toEqual({ PATH: "/bin", AZDS_MINE: "yes", BUN_INSTALL: "/bun" });
});
