import { describe, expect, test } from "bun:test";
import { detectProject, exposedPort } from "../../../../cli/project/detect.ts";
import { parseConfig } from "../../../../cli/project/config.ts";
import { scaffold, type ScaffoldRequest, serviceNameOf } from "../../../../cli/project/scaffold.ts";

const NODE = detectProject({
  packageJson: '{"scripts":{"start":"node ."}}',
  hasPackageLock: true,
  dockerfile: undefined,
});
const REQUEST: ScaffoldRequest = { name: "web", port: 3000, enableIngress: true, chart: undefined, project: NODE };

function content(request: ScaffoldRequest, path: string): string {
  return scaffold(request).find((file) => file.path === path)?.content ?? "";
}

describe("scaffold()", () => {
  test("leaves no place unfilled and ends every file with a line feed", () => {
    for (const file of scaffold(REQUEST)) {
      expect(file.content).not.toMatch(/@[A-Z_]+@/);
      expect(file.content).toEndWith("\n");
    }
  });

  test("writes an azds.yaml that azds reads", () => {
    const config = parseConfig(content(REQUEST, "azds.yaml"), "azds.yaml");
    expect(config.build.dockerfile).toBe("Dockerfile.develop");
    expect(config.install.chart).toBe("charts/web");
    expect(config.install.set["image"]).toEqual({ repository: "web", tag: "$(tag)", pullPolicy: "Never" });
    expect(config.container.iterate?.dependencies.map(({ command }) => command)).toEqual([["npm", "install"]]);
  });

  test("puts the port into Dockerfiles and chart", () => {
    expect(content(REQUEST, "Dockerfile.develop")).toContain("EXPOSE 3000");
    expect(content(REQUEST, "charts/web/values.yaml")).toContain("containerPort: 3000");
    expect(content(REQUEST, "charts/web/values.yaml")).toContain("enabled: true\n  className: azds");
  });

  test("uses a chart that is there instead of making one", () => {
    const request = { ...REQUEST, chart: "deploy/chart" };
    expect(scaffold(request).some((file) => file.path.startsWith("charts/"))).toBe(false);
    expect(parseConfig(content(request, "azds.yaml"), "azds.yaml").install.chart).toBe("deploy/chart");
  });

  test("writes no Dockerfile for a language without templates", () => {
    const project = detectProject({ packageJson: undefined, hasPackageLock: false, dockerfile: "FROM scratch" });
    const request = { ...REQUEST, project };
    expect(scaffold(request).some((file) => file.path.includes("Dockerfile"))).toBe(false);
    expect(parseConfig(content(request, "azds.yaml"), "azds.yaml").build.dockerfile).toBe("Dockerfile");
  });
});

describe("detectProject()", () => {
  test("uses npm install without a lock file, and `node` without a start script", () => {
    const project = detectProject({ packageJson: '{"main":"app.js"}', hasPackageLock: false, dockerfile: undefined });
    expect(project).toEqual({
      language: "node",
      command: ["node", "app.js"],
      install: "npm install",
      installProduction: "npm install --omit=dev",
    });
  });

  test("exposedPort() reads the first EXPOSE", () => {
    expect(exposedPort("FROM x\nEXPOSE 8081/tcp\nEXPOSE 9")).toBe(8081);
    expect(exposedPort(undefined)).toBeUndefined();
  });
});

describe("serviceNameOf()", () => {
  test.each([
    ["My Web_App", "my-web-app"],
    ["web", "web"],
    ["9lives", "app-9lives"],
    ["--x--", "x"],
    ["a".repeat(80), "a".repeat(53)],
  ])("%j → %j", (folder, name) => {
    expect(serviceNameOf(folder)).toBe(name);
  });
});
