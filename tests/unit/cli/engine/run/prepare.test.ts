import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Run } from "../../../../../core/host/run.ts";
import { testHome } from "../../../../support/azds.ts";
import { startFakeApi } from "../../../../support/fake-api.ts";

const AZDS_YAML = "kind: helm-release\napiVersion: 1.1\nbuild:\n  context: .\ninstall:\n  chart: chart\n";

/** Every program that is started, and what `helm version` answers. */
function helm(started: string[]): Run {
  return async (argv) => {
    started.push(argv.join(" "));
    return { code: 0, stdout: "v3.19.0", stderr: "" };
  };
}

describe("azds up in a space whose namespace enforces a Pod Security level", () => {
  test.each(["baseline", "restricted"])("%s is refused with its code before anything is made", async (level) => {
    await using api = startFakeApi();
    await using folder = await testHome();
    await using home = await testHome({ KUBECONFIG: await api.kubeconfig(folder.path) });
    api.kube.put("/api/v1/namespaces/azds/configmaps/azds-info", { data: { hostSuffix: ".azds.localhost" } });
    api.kube.put("/api/v1/namespaces/safe", {
      metadata: { labels: { "azds.io/space": "true", "pod-security.kubernetes.io/enforce": level } },
    });
    await Bun.write(join(home.path, "Dockerfile"), "");
    await Bun.write(join(home.path, "chart/Chart.yaml"), "name: web\nversion: 0.1.0\n");
    await Bun.write(join(home.path, "azds.yaml"), AZDS_YAML);
    const started: string[] = [];
    const { code, stderr } = await home.azds(["up", "-d", "--space", "safe"], { host: { run: helm(started) } });
    expect(code).toBe(1);
    expect(stderr).toContain(
      `error[SPACE_FORBIDS_PODS]: Dev space \`safe\` cannot run services of \`azds up\`: namespace \`safe\` enforces the Pod Security level \`${level}\`, which forbids the capability NET_ADMIN`,
    );
    expect(stderr).toContain("hint: Use a space whose namespace does not");
    expect(started.map((words) => words.split(" ")[1])).toEqual(["version"]);
    expect(api.kube.calls.every(({ method }) => method === "GET")).toBe(true);
  });
});
