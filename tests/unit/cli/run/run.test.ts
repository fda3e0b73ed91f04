import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Output } from "../../../../cli/host.ts";
import { KubeError } from "../../../../core/kube/types.ts";
import { testHome } from "../../../support/azds.ts";
import { startFakeApi } from "../../../support/fake-api.ts";
import { jsonLines } from "../../../support/json-lines.ts";

test("main() says what was wrong with the command line on stderr and exits with 2", async () => {
  await using home = await testHome();
  const outcome = await home.azds(["spaec", "list"]);
  expect(outcome).toEqual({
    code: 2,
    stdout: "",
    stderr:
      "error[USAGE]: Unknown command `spaec`; did you mean `space`?\n\nhint: Run the command with `--help` to see what it takes\n",
  });
});

test("main() prints help on stdout and exits with 0", async () => {
  await using home = await testHome();
  const { code, stdout, stderr } = await home.azds(["up", "--help"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toStartWith("azds up [services..]\n");
});

test("main() exits with 1 for a failure that the user can act on", async () => {
  await using home = await testHome();
  const { code, stderr } = await home.azds(["space", "list"]);
  expect(code).toBe(1);
  expect(stderr).toContain(
    `error[KUBECONFIG_INVALID]: No kubeconfig: \`${join(home.path, ".kube", "config")}\` does not exist`,
  );
});

test("main() tells of a failure as one JSON event with -o json", async () => {
  await using home = await testHome();
  const { code, stdout, stderr } = await home.azds(["space", "list", "-o", "json"]);
  expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
  expect(jsonLines(stdout)).toMatchObject([{ v: 1, type: "failed", code: "KUBECONFIG_INVALID" }]);
});

test("main() names verb, resource and place of a missing right", async () => {
  const message =
    'namespaces is forbidden: User "bob" cannot list resource "namespaces" in API group "" at the cluster scope';
  await using api = startFakeApi({
    answer: () => {
      throw new KubeError(403, "Forbidden", message);
    },
  });
  await using home = await testHome();
  const { code, stderr } = await home.azds(["space", "list"], { env: { KUBECONFIG: await api.kubeconfig(home.path) } });
  expect(code).toBe(1);
  expect(stderr).toContain("error[FORBIDDEN]: User `bob` may not `list` `namespaces` in the whole cluster\n");
});

test("main() names server and context when the credentials are rejected", async () => {
  await using api = startFakeApi({
    answer: () => {
      throw new KubeError(401, "Unauthorized", "Unauthorized");
    },
  });
  await using home = await testHome();
  const { code, stderr } = await home.azds(["space", "list"], { env: { KUBECONFIG: await api.kubeconfig(home.path) } });
  expect(code).toBe(1);
  expect(stderr).toContain(
    `error[CREDENTIALS_REJECTED]: The API server at ${api.server} does not accept the credentials of context \`test\``,
  );
});

test("main() exits with 70 for a bug and leaves its details in a log", async () => {
  await using home = await testHome();
  const stdout: Output = {
    isTty: false,
    columns: 100,
    drained: async () => {},
    write: () => {
      throw new RangeError("broken");
    },
  };
  const { code, stderr } = await home.azds(["version"], { env: { XDG_STATE_HOME: home.path }, host: { stdout } });
  expect(code).toBe(70);
  expect(stderr).toContain("error[BUG]: broken");
  const folder = join(home.path, "azds", "log");
  const [file = ""] = await readdir(folder);
  expect(stderr).toContain(`The details are in \`${join(folder, file)}\``);
  const log = await Bun.file(join(folder, file)).text();
  expect(log).toContain("command azds version");
  expect(log).toContain("RangeError: broken");
});

test("main() exits with 130 and says nothing when the user stopped the command", async () => {
  await using home = await testHome();
  await using api = startFakeApi();
  const stop = new AbortController();
  stop.abort(new DOMException("Interrupted", "AbortError"));
  const env = { KUBECONFIG: await api.kubeconfig(home.path) };
  const { code, stderr } = await home.azds(["space", "list"], { env, host: { signal: stop.signal } });
  expect({ code, stderr }).toEqual({ code: 130, stderr: "" });
});
