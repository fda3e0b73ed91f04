import { describe, expect, test } from "bun:test";
import { fileUpdate, updateKind, type UpdateRules } from "../../../../../cli/engine/live/update-kind.ts";
import type { ContainerSettings } from "../../../../../cli/project/config.ts";

const PLAIN: ContainerSettings = { sync: [], syncTarget: undefined, syncBack: [], command: [], iterate: undefined };
const INSTALL = { files: ["package.json", "package-lock.json"], command: ["npm", "install"] };
const ITERATE = { processesToKill: [], buildCommands: [], dependencies: [] };

function rules(container: Partial<ContainerSettings>, contextFolder = "/shop/web"): UpdateRules {
  return {
    folder: "/shop/web",
    contextFolder,
    dockerfile: "Dockerfile.develop",
    chart: "charts/web",
    values: ["values.dev.yaml"],
    container: { ...PLAIN, ...container },
  };
}

const NODE = rules({ sync: ["public/**", "!**/*.lock"], iterate: { ...ITERATE, dependencies: [INSTALL] } });

describe("fileUpdate()", () => {
  test.each([
    ["azds.yaml", "rebuild", "it says how the service is built and installed"],
    ["charts/web/values.yaml", "rebuild", "it belongs to the chart"],
    ["values.dev.yaml", "rebuild", "its values are the release's"],
    ["Dockerfile.develop", "rebuild", "the image is made by it"],
    ["lib/.gitignore", "rebuild", "it says what belongs to the image"],
    ["../other/a.js", "rebuild", "it lies outside the build context"],
    ["package.json", "restart", "`npm install` is its command in `iterate.dependencies`"],
    ["lib/yarn.lock", "rebuild", "`!**/*.lock` in `container.sync` leaves it to the image"],
    ["public/.well-known/a", "copy", "`public/**` in `container.sync` copies it"],
    ["charts/webx/a.js", "restart", "`container.iterate` restarts the application for it"],
  ] as const)("%s: %s, because %s", (path, update, rule) => {
    expect(fileUpdate(path, NODE)).toMatchObject({ update, rule });
  });

  test("without any settings every file belongs to the image", () => {
    expect(fileUpdate("server.js", rules({}))).toEqual({ update: "rebuild", rule: "the image holds it" });
  });

  test("with exclusions alone, as for a reloader in the container, everything else is copied", () => {
    const reloader = rules({ sync: ["!**/package.json"] });
    expect(fileUpdate("src/server.js", reloader).update).toBe("copy");
    expect(fileUpdate("sub/package.json", reloader).update).toBe("rebuild");
  });

  test("with chosen files alone, the others belong to the image", () => {
    expect(fileUpdate("server.js", rules({ sync: ["public/**"] })).update).toBe("rebuild");
  });

  test("globs are relative to a context outside of azds.yaml's folder", () => {
    const monorepo = rules({ sync: ["web/public/**", "shared/**"] }, "/shop");
    expect(fileUpdate("public/a.css", monorepo).update).toBe("copy");
    expect(fileUpdate("../shared/a.js", monorepo).update).toBe("copy");
  });
});

describe("updateKind()", () => {
  test.each([
    [["public/a.css"], "copy", "public/a.css"],
    [["public/a.css", "server.js", "lib.js"], "restart", "server.js"],
    [["server.js", "Dockerfile.develop", "azds.yaml"], "rebuild", "Dockerfile.develop"],
  ] as const)("the dearest file of %j decides: %s", (changed, kind, path) => {
    expect(updateKind(changed, NODE)).toMatchObject({ kind, path });
  });

  test("a command for dependencies is named once, however many of its files changed", () => {
    const kind = updateKind(["package.json", "server.js", "package-lock.json"], NODE);
    expect(kind).toMatchObject({ kind: "restart", dependencies: [INSTALL] });
  });

  test("folders alone are only copied", () => {
    expect(updateKind([], NODE)).toEqual({ kind: "copy", path: "", rule: "no file needs more", dependencies: [] });
  });
});
