/** Every program of the executable starts, and answers a missing configuration with its name instead of a crash. */
import { beforeAll, expect, test } from "bun:test";
import { ENV, PROGRAM, VERSION } from "../../core/contract.ts";
import { azds, ensureBuilt } from "./executable.ts";

beforeAll(ensureBuilt);

test("azds --version says its version on stdout", async () => {
  expect(await azds(["--version"])).toEqual({ code: 0, stdout: `azds ${VERSION}\n`, stderr: "" });
});

test("azds --help lists the commands", async () => {
  const { code, stdout } = await azds(["--help"]);
  expect(code).toBe(0);
  for (const command of ["up", "down", "space", "cluster", "image"]) expect(stdout).toContain(`azds ${command}`);
});

test.each([
  [PROGRAM.webhook, "KUBERNETES_SERVICE_HOST"],
  [PROGRAM.controller, "KUBERNETES_SERVICE_HOST"],
  [PROGRAM.builder, "KUBERNETES_SERVICE_HOST"],
  [PROGRAM.proxyInit, ENV.sidecar],
  [PROGRAM.proxy, ENV.sidecar],
  [PROGRAM.proxyWorker, ENV.sidecar],
  [PROGRAM.build, ENV.build],
  [PROGRAM.agent, "--image"],
])("%s without its configuration ends and names %s", async (program, missing) => {
  const { code, stdout, stderr } = await azds([program]);
  expect(code).toBeGreaterThan(0);
  expect(code).toBeLessThan(128);
  expect(`${stdout}${stderr}`).toContain(missing);
});

test.each([
  [PROGRAM.webhook, "not a URL"],
  [PROGRAM.proxy, "[1]"],
  [PROGRAM.proxyWorker, "[1]"],
  [PROGRAM.proxyInit, '{"version":1}'],
  [PROGRAM.build, '{"version":1}'],
])("%s takes nonsense in its environment as such: %s", async (program, text) => {
  const env = Object.fromEntries(
    ["AZDS_SETTINGS", ENV.sidecar, ENV.build, "KUBERNETES_SERVICE_HOST"].map((name) => [name, text]),
  );
  const { code, stderr } = await azds([program], { env });
  expect(code).toBe(1);
  expect(stderr).not.toContain("unhandled");
});

test("an unknown program is a wrong command line", async () => {
  const { code, stderr } = await azds(["__nope"]);
  expect(code).toBe(2);
  expect(stderr).toContain("USAGE");
});
