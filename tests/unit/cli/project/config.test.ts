import { describe, expect, test } from "bun:test";
import { AzdsError } from "../../../../core/errors.ts";
import { mergeValues, parseConfig } from "../../../../cli/project/config.ts";

const MINIMAL = "install:\n  chart: charts/web\n";

function problem(text: string): string {
  try {
    parseConfig(text, "azds.yaml");
  } catch (error) {
    if (error instanceof AzdsError && error.code === "CONFIG_INVALID") return error.message;
    throw error;
  }
  return "";
}

describe("parseConfig()", () => {
  test("fills what a minimal file leaves out", () => {
    const config = parseConfig(MINIMAL, "azds.yaml");
    expect(config.build).toEqual({
      context: ".",
      dockerfile: "Dockerfile",
      target: undefined,
      args: {},
      secrets: {},
      ssh: [],
      useGitIgnore: true,
      ignore: [],
    });
    expect(config.install).toEqual({ chart: "charts/web", values: [], set: {}, requires: [] });
  });

  test("takes secrets of files and variables, and SSH ids", () => {
    const config = parseConfig(
      `build:\n  secrets:\n    npmrc: { file: ~/.npmrc }\n    token: { env: TOKEN }\n  ssh: [default]\ninstall:\n  chart: c\nconfigurations:\n  develop:\n    build:\n      secrets:\n        token: { env: OTHER }\n      ssh: [default, git]\n`,
      "azds.yaml",
    );
    expect(config.build.secrets).toEqual({ npmrc: { file: "~/.npmrc" }, token: { env: "OTHER" } });
    expect(config.build.ssh).toEqual(["default", "git"]);
  });

  test.each(["a: b", "a: { file: x, env: Y }", "a: { value: x }", '"a,src=/etc/passwd": { env: X }'])(
    "refuses the secret %p and names its line",
    (entry) => {
      const text = `build:\n  secrets:\n    ${entry}\ninstall:\n  chart: c\n`;
      expect(() => parseConfig(text, "azds.yaml")).toThrow(/line 3: `build\.secrets\./);
    },
  );

  test("lets configurations.develop win over the general settings", () => {
    const config = parseConfig(
      `build:\n  dockerfile: Dockerfile\n  args: { A: "1", B: 2 }\ninstall:\n  chart: charts/web\n  set: { image: { tag: $(tag) }, replicaCount: 1 }\nconfigurations:\n  develop:\n    build:\n      dockerfile: Dockerfile.develop\n      target: dev\n      args: { B: "3" }\n    install:\n      set: { replicaCount: 2 }\n`,
      "azds.yaml",
    );
    expect(config.build.dockerfile).toBe("Dockerfile.develop");
    expect(config.build.target).toBe("dev");
    expect(config.build.args).toEqual({ A: "1", B: "3" });
    expect(config.install.set).toEqual({ image: { tag: "$(tag)" }, replicaCount: 2 });
  });

  test("reads optional values files by their question mark", () => {
    const config = parseConfig(`${MINIMAL}  values:\n  - values.dev.yaml?\n  - must.yaml\n`, "azds.yaml");
    expect(config.install.values).toEqual([
      { path: "values.dev.yaml", optional: true },
      { path: "must.yaml", optional: false },
    ]);
  });

  test("takes `refresh` for `iterate`, its newer name", () => {
    const config = parseConfig(
      `${MINIMAL}configurations:\n  develop:\n    container:\n      sync: ["**/*.js"]\n      refresh:\n        processesToKill: [node]\n        buildCommands: [[npm, run, build]]\n`,
      "azds.yaml",
    );
    expect(config.container.iterate).toEqual({
      processesToKill: ["node"],
      buildCommands: [["npm", "run", "build"]],
      dependencies: [],
    });
  });

  test("`iterate` without a value asks for a restart and nothing else; without the key nothing is done in place", () => {
    const container = (text: string): unknown =>
      parseConfig(`${MINIMAL}configurations:\n  develop:\n    container:\n${text}`, "azds.yaml").container.iterate;
    expect(container("      iterate:\n")).toEqual({ processesToKill: [], buildCommands: [], dependencies: [] });
    expect(container("      command: [node, server.js]\n")).toBeUndefined();
  });

  test("reads the commands of dependency files", () => {
    const config = parseConfig(
      `${MINIMAL}configurations:\n  develop:\n    container:\n      iterate:\n        dependencies:\n        - files: [package.json]\n          command: [npm, ci]\n`,
      "azds.yaml",
    );
    expect(config.container.iterate?.dependencies).toEqual([{ files: ["package.json"], command: ["npm", "ci"] }]);
  });

  test.each([
    ["install:\n  chart: 3\n", "`azds.yaml` line 2: `install.chart` must be a string"],
    [`${MINIMAL}build:\n  useGitIgnore: maybe\n`, "`azds.yaml` line 4: `build.useGitIgnore` must be `true` or `false`"],
    [`${MINIMAL}  sett: {}\n`, "`azds.yaml` line 3: `install.sett` is not a key of `install`"],
    [`${MINIMAL}bild: {}\n`, "`azds.yaml` line 3: `bild` is not a key of azds.yaml"],
    ["kind: terraform\ninstall:\n  chart: c\n", "`azds.yaml` line 1: `kind` must be `helm-release`, not `terraform`"],
    ["build:\n  context: .\n", "`azds.yaml` line 1: `install.chart` is missing"],
    ["", "`azds.yaml` line 1: the file is empty"],
    ["install:\n  chart: a\n  chart: b\n", "`azds.yaml` line 3:"],
    ["install:\n  chart: [\n", "`azds.yaml` line 3:"],
    [
      `${MINIMAL}configurations:\n  develop:\n    container:\n      syncTarget: app\n`,
      "`azds.yaml` line 6: `configurations.develop.container.syncTarget` must be an absolute folder",
    ],
    [
      `${MINIMAL}configurations:\n  develop:\n    container:\n      syncTarget: /app/..\n`,
      "`azds.yaml` line 6: `configurations.develop.container.syncTarget` must be a folder below `/`",
    ],
    [
      `${MINIMAL}configurations:\n  develop:\n    container:\n      iterate:\n        kill: [node]\n`,
      "`azds.yaml` line 7: `configurations.develop.container.iterate.kill` is not a key of",
    ],
    [
      `${MINIMAL}configurations:\n  develop:\n    container:\n      iterate:\n        dependencies:\n        - files: [a]\n`,
      "`azds.yaml` line 7: `configurations.develop.container.iterate.dependencies.0.command` is missing",
    ],
    [
      `${MINIMAL}configurations:\n  develop:\n    container:\n      syncBack: [a.lock, ../b.lock]\n`,
      "`azds.yaml` line 6: `configurations.develop.container.syncBack` has `../b.lock`, which must not have `..`",
    ],
    [
      `${MINIMAL}configurations:\n  develop:\n    container:\n      syncBack: ["**"]\n`,
      "`azds.yaml` line 6: `configurations.develop.container.syncBack` has `**`, which names every file",
    ],
    [
      `${MINIMAL}configurations:\n  develop:\n    container:\n      syncBack: ["!a.lock"]\n`,
      "`azds.yaml` line 6: `configurations.develop.container.syncBack` has only globs behind `!`",
    ],
  ])("names line and key of %j", (text, message) => {
    expect(problem(text)).toStartWith(message);
  });
});

describe("mergeValues()", () => {
  test("merges mappings and replaces everything else", () => {
    expect(mergeValues({ a: { b: 1, c: [1, 2] }, d: 1 }, { a: { c: [3] }, e: null })).toEqual({
      a: { b: 1, c: [3] },
      d: 1,
      e: null,
    });
  });
});
