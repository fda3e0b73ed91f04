import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type TestHome, testHome } from "../../../support/azds.ts";
import { kubeconfigFor, startFakeApi } from "../../../support/fake-api.ts";
import { testCertificate } from "../../../fakes/certificate.ts";
import type { JsonObject } from "../../../../core/parse.ts";

async function writeConfig(home: TestHome, config: unknown, name = "kubeconfig"): Promise<string> {
  const path = join(home.path, name);
  await Bun.write(path, JSON.stringify(config));
  return path;
}

describe("connect() reads the kubeconfig", () => {
  const list = ["space", "list"];

  test.each<[string, JsonObject, string]>([
    ["without a current context", { "current-context": "" }, "No current context in"],
    ["with a context that does not exist", { "current-context": "nope" }, "Context `nope` does not exist in"],
    [
      "with a context of an unknown cluster",
      { clusters: [] },
      "Context `test` names cluster `test`, which does not exist in",
    ],
    ["with a context of an unknown user", { users: [] }, "Context `test` names user `tester`, which does not exist in"],
  ])("%s", async (_, change, message) => {
    await using home = await testHome();
    const KUBECONFIG = await writeConfig(home, { ...kubeconfigFor("http://127.0.0.1:1"), ...change });
    const { code, stderr } = await home.azds(list, { env: { KUBECONFIG } });
    expect(code).toBe(1);
    expect(stderr).toContain(`error[KUBECONFIG_INVALID]: ${message}`);
  });

  test("that is no YAML", async () => {
    await using home = await testHome();
    const KUBECONFIG = join(home.path, "broken");
    await Bun.write(KUBECONFIG, "a: [");
    expect((await home.azds(list, { env: { KUBECONFIG } })).stderr).toContain(
      `error[KUBECONFIG_INVALID]: \`${KUBECONFIG}\` cannot be read`,
    );
  });

  test("from several files, where the first that says something wins", async () => {
    await using api = startFakeApi();
    await using home = await testHome();
    api.kube.put("/api/v1/namespaces/dev", {});
    const first = await writeConfig(home, kubeconfigFor(api.server), "first");
    const second = await writeConfig(home, kubeconfigFor("http://127.0.0.1:1"), "second");
    const KUBECONFIG = [join(home.path, "missing"), first, second].join(":");
    expect(await home.azds(list, { env: { KUBECONFIG } })).toMatchObject({ code: 0 });
  });

  test("from ~/.kube/config by default", async () => {
    await using api = startFakeApi();
    await using home = await testHome();
    await writeConfig(home, kubeconfigFor(api.server), join(".kube", "config"));
    expect(await home.azds(list)).toMatchObject({ code: 0 });
  });
});

describe("connect() gets credentials", () => {
  test("from a plugin, and says what it said when it fails", async () => {
    await using home = await testHome();
    const plugin = async (command: string, args: readonly string[]): Promise<string> => {
      const exec = { apiVersion: "client.authentication.k8s.io/v1", command, args, interactiveMode: "Never" };
      const KUBECONFIG = await writeConfig(home, kubeconfigFor("http://127.0.0.1:1", { exec }));
      return (await home.azds(["space", "list"], { env: { KUBECONFIG } })).stderr;
    };
    const prefix = "error[CREDENTIALS_REJECTED]: Cannot get credentials for context `test` from";
    expect(await plugin("sh", ["-c", "echo please sign in >&2; exit 3"])).toContain(`${prefix} \`sh\`: please sign in`);
    expect(await plugin("azds-no-such-plugin", [])).toContain(`${prefix} \`azds-no-such-plugin\`:`);
  });

  test("and says that nobody listens at the address", async () => {
    await using home = await testHome();
    const KUBECONFIG = await writeConfig(home, kubeconfigFor("http://127.0.0.1:1"));
    const { code, stderr } = await home.azds(["space", "list"], { env: { KUBECONFIG } });
    expect(code).toBe(1);
    expect(stderr).toContain(
      "error[CLUSTER_UNREACHABLE]: Cannot reach the API server of context `test` at http://127.0.0.1:1: the connection was refused",
    );
  });
});

test("client-node's typed calls trust the kubeconfig's own authority and send its client certificate", async () => {
  await using home = await testHome();
  const { cert, key } = await testCertificate();
  let reviews = 0;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: { cert, key, ca: cert, requestCert: true, rejectUnauthorized: true },
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      if (!pathname.endsWith("/selfsubjectaccessreviews")) return Response.json({ metadata: {}, items: [] });
      reviews += 1;
      return Response.json({ ...((await request.json()) as JsonObject), status: { allowed: true } }, { status: 201 });
    },
  });
  const config = {
    ...kubeconfigFor(`https://127.0.0.1:${server.port}`),
    clusters: [
      {
        name: "test",
        cluster: { server: `https://127.0.0.1:${server.port}`, "certificate-authority-data": btoa(cert) },
      },
    ],
    users: [{ name: "tester", user: { "client-certificate-data": btoa(cert), "client-key-data": btoa(key) } }],
  };
  const KUBECONFIG = await writeConfig(home, config);
  const { stdout } = await home.azds(["space", "create", "-n", "dev"], { env: { KUBECONFIG } });
  await server.stop(true);
  expect(stdout).toContain("Creating and selecting dev space 'dev'...<1s");
  expect(reviews).toBe(1);
});
