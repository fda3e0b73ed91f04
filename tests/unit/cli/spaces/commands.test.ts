import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { KubeRequest } from "../../../../core/kube/types.ts";
import { type TestHome, testHome } from "../../../support/azds.ts";
import { type FakeApi, type FakeApiOptions, startFakeApi } from "../../../support/fake-api.ts";

const INFO = "/api/v1/namespaces/azds/configmaps/azds-info";

interface Stage extends AsyncDisposable {
  readonly api: FakeApi;
  readonly home: TestHome;
}

/** A cluster with azds, the namespace `default`, the space `dev` and its child `alice`. */
async function stage(options: FakeApiOptions = {}): Promise<Stage> {
  const api = startFakeApi(options);
  const folder = await testHome();
  const home = await testHome({ KUBECONFIG: await api.kubeconfig(folder.path) });
  const space = { "azds.io/space": "true" };
  api.kube.put("/api/v1/namespaces/default", {});
  api.kube.put("/api/v1/namespaces/dev", { metadata: { labels: space } });
  api.kube.put("/api/v1/namespaces/alice", { metadata: { labels: { ...space, "azds.io/parent-space": "dev" } } });
  api.kube.put(INFO, { data: { hostSuffix: ".azds.localhost", endpoint: "none" } });
  return {
    api,
    home,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([api, home, folder].map(async (each) => each[Symbol.asyncDispose]()));
    },
  };
}

describe("azds space", () => {
  test("list shows all namespaces, children as paths, a star before the selected one", async () => {
    await using stages = await stage();
    const { azds } = stages.home;
    await azds(["space", "select", "-n", "alice"]);
    expect((await azds(["space", "list"])).stdout).toBe(
      ["   Name       DevSpacesEnabled", "   default    false", "   dev        true", "*  dev/alice  true", ""].join(
        "\n",
      ),
    );
  });

  test("select -n a/b -y makes b below a in one request and selects it", async () => {
    await using stages = await stage();
    const { api, home } = stages;
    const { code, stdout } = await home.azds(["space", "select", "-n", "dev/bob", "-y"]);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: "Dev space 'bob' does not exist and will be created.\nCreating and selecting dev space 'dev/bob'...<1s\n",
    });
    const post = api.kube.calls.find(({ method, path }) => method === "POST" && path === "/api/v1/namespaces");
    expect(post?.body).toMatchObject({
      metadata: { labels: { "azds.io/space": "true", "azds.io/parent-space": "dev" } },
    });
    expect(await home.result(["show-context"])).toMatchObject({ devSpace: "dev/bob" });
  });

  test("select asks as the original did, and a plain Enter takes `default`", async () => {
    await using stages = await stage();
    const { stdout, stderr } = await stages.home.azds(["space", "select"], { typed: ["", ""] });
    expect(stderr).toBe(
      [
        "Select a dev space or Kubernetes namespace to use as a dev space.",
        " [1] default",
        " [2] dev",
        " [3] dev/alice",
        "Type a number or a new name: Kubernetes namespace 'default' will be configured as a dev space. This will enable Dev Spaces instrumentation for new workloads in the namespace. Continue? (Y/n): ",
      ].join("\n"),
    );
    expect(stdout).toBe("Configuring and selecting dev space 'default'...<1s\n");
  });

  test("select changes nothing when the conversion is declined", async () => {
    await using stages = await stage();
    const { api, home } = stages;
    const { code, stderr } = await home.azds(["space", "select", "-n", "default"], { typed: ["n"] });
    expect(code).toBe(1);
    expect(stderr).toContain("error[DECLINED]: Namespace `default` was left as it is");
    expect(api.kube.calls.every(({ method }) => method === "GET")).toBe(true);
  });

  test("select waits until the controller has given the rights", async () => {
    let asked = 0;
    const answer = (request: KubeRequest): unknown => {
      if (!request.path.endsWith("/selfsubjectaccessreviews")) return undefined;
      asked += 1;
      return { status: { allowed: asked > 2 } };
    };
    await using stages = await stage({ answer });
    const { code, stderr } = await stages.home.azds(["space", "create", "-n", "bob"]);
    expect({ code, stderr, asked }).toEqual({ code: 0, stderr: "", asked: 3 });
  });

  test("remove names what is inside, asks, deletes and selects the parent", async () => {
    await using stages = await stage();
    const { api, home } = stages;
    api.kube.put("/api/v1/namespaces/alice/services/web", {});
    await home.azds(["space", "select", "-n", "alice"]);
    const { code, stdout, stderr } = await home.azds(["space", "remove", "-n", "alice"], { typed: ["y"] });
    expect(code).toBe(0);
    expect(stderr).toBe(
      "Dev space 'dev/alice' and everything in it will be deleted. It contains services web. Continue? (y/N): ",
    );
    expect(stdout).toBe("Removing dev space 'dev/alice'...<1s\nDev space 'dev' is selected now.\n");
    expect(api.kube.get("/api/v1/namespaces/alice")).toBeUndefined();
  });

  test("remove deletes nothing when nobody can be asked", async () => {
    await using stages = await stage();
    const { code } = await stages.home.azds(["space", "remove", "-n", "alice"]);
    expect(code).toBe(1);
    expect(stages.api.kube.get("/api/v1/namespaces/alice")).toBeDefined();
  });

  test("remove --no-delete keeps the namespace and takes the labels away", async () => {
    await using stages = await stage();
    const { api, home } = stages;
    expect((await home.azds(["space", "remove", "-n", "alice", "--no-delete", "-y"])).code).toBe(0);
    const patch = api.kube.calls.find(({ method }) => method === "PATCH");
    expect(patch).toMatchObject({
      contentType: "application/merge-patch+json",
      body: { metadata: { labels: { "azds.io/space": null, "azds.io/parent-space": null } } },
    });
  });
});

describe("the selected space", () => {
  test("is kept for each server: the same context of another cluster has none", async () => {
    await using one = await stage();
    await using other = await stage();
    await one.home.azds(["space", "select", "-n", "dev"]);
    const KUBECONFIG = await other.api.kubeconfig(one.home.path);
    const { code, stderr } = await one.home.azds(["list-up"], { env: { KUBECONFIG } });
    expect(code).toBe(1);
    expect(stderr).toContain("error[SPACE_NOT_SELECTED]: No dev space is selected in cluster `test`");
  });

  test("may have been removed meanwhile", async () => {
    await using stages = await stage();
    await stages.home.azds(["space", "select", "-n", "alice"]);
    stages.api.kube.delete("/api/v1/namespaces/alice");
    expect((await stages.home.azds(["list-up"])).stderr).toContain(
      "error[SPACE_NOT_FOUND]: Dev space `alice` does not exist",
    );
  });

  test("counts as none when the file is broken, with a warning, and can be set again", async () => {
    await using stages = await stage();
    const { home } = stages;
    const path = join(home.path, ".azds", "settings.json");
    await Bun.write(path, "{ broken");
    const { code, stderr } = await home.azds(["space", "select", "-n", "dev"]);
    expect(code).toBe(0);
    expect(stderr).toContain(`warning: \`${path}\` cannot be read`);
    expect(await home.result(["show-context"])).toMatchObject({
      name: "test",
      devSpace: "dev",
      hostSuffix: "azds.localhost",
      endpointType: "None",
    });
  });
});

describe("azds list-up and list-uris", () => {
  test("show a child's own services and for the rest the parent's", async () => {
    await using stages = await stage();
    const { api, home } = stages;
    const service = { spec: { selector: { app: "x" }, ports: [{ name: "http", port: 80 }] } };
    api.kube.put("/api/v1/namespaces/dev/services/api", service);
    api.kube.put("/api/v1/namespaces/dev/services/web", service);
    api.kube.put("/api/v1/namespaces/alice/services/api", service);
    api.kube.put("/api/v1/namespaces/dev/services/redis", {
      spec: { selector: { app: "x" }, ports: [{ name: "redis", port: 6379 }] },
    });
    api.kube.put("/api/v1/namespaces/dev/pods/x-1", {
      metadata: { labels: { app: "x" } },
      status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
    });
    await home.azds(["space", "select", "-n", "alice"]);
    expect(await home.result(["list-up"])).toMatchObject([
      { name: "api", devSpace: "alice", type: "Service", status: "Stopped" },
      { name: "redis", devSpace: "dev", status: "Running" },
      { name: "web", devSpace: "dev", status: "Running" },
    ]);
    const tunnels = [
      { kind: "gateway", localPort: 8090, space: "alice" },
      { kind: "forward", localPort: 4000, space: "alice", service: "api", port: 80 },
    ];
    await Bun.write(
      join(home.path, ".azds", "tunnels", `${process.pid}.json`),
      JSON.stringify({ server: api.server, tunnels }),
    );
    await Bun.write(join(home.path, ".azds", "tunnels", "1.json"), JSON.stringify({ server: api.server, tunnels }));
    expect(await home.result(["list-uris"])).toEqual([
      { uri: "http://localhost:4000 => api.alice:80", status: "Tunneled" },
      { uri: "http://alice.s.dev.api.azds.localhost:8090/", status: "Pending" },
      { uri: "http://alice.s.dev.web.azds.localhost:8090/", status: "Available" },
    ]);
    expect(await home.result(["list-up", "--all"])).toHaveLength(5);
  });

  test("say that azds is not enabled", async () => {
    await using stages = await stage();
    stages.api.kube.delete(INFO);
    expect((await stages.home.azds(["show-context"])).stderr).toContain(
      "error[NOT_ENABLED]: azds is not enabled in cluster `test`",
    );
  });
});
