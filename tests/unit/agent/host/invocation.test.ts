import { describe, expect, test } from "bun:test";
import { commandOf, parseInvocation } from "../../../../agent/host/invocation.ts";
import type { ImageConfigs } from "../../../../core/build-config.ts";

const IMAGES: ImageConfigs = {
  "azds.local/dev/web:azds-abc123-1": {
    entrypoint: ["docker-entrypoint.sh"],
    cmd: ["node", "server.js"],
    workingDir: "/app",
    user: "node",
    env: [],
  },
  "azds.local/dev/empty:azds-abc123-1": { entrypoint: [], cmd: [], workingDir: "/", user: "", env: [] },
};
const IMAGE = "azds.local/dev/web:azds-abc123-1";

function command(...argv: readonly string[]): readonly string[] {
  return commandOf(parseInvocation(["--image", IMAGE, ...argv]), IMAGES);
}

describe("commandOf()", () => {
  test("takes the pod's words alone when the pod gives a command", () => {
    expect(command("--", "npm", "run", "dev")).toEqual(["npm", "run", "dev"]);
  });

  test("puts the image's ENTRYPOINT before the pod's args and leaves CMD out", () => {
    expect(command("--entrypoint-from-image", "--", "--inspect")).toEqual(["docker-entrypoint.sh", "--inspect"]);
  });

  test("runs ENTRYPOINT and CMD of the image when the pod gives neither", () => {
    const flags = ["--entrypoint-from-image", "--cmd-from-image", "--"];
    expect(command(...flags)).toEqual(["docker-entrypoint.sh", "node", "server.js"]);
  });

  test("leaves CMD out when the pod gives words", () => {
    const flags = ["--entrypoint-from-image", "--cmd-from-image", "--", "x"];
    expect(command(...flags)).toEqual(["docker-entrypoint.sh", "x"]);
  });

  test("keeps words that look like its own options", () => {
    expect(command("--", "--image", "--", "-x")).toEqual(["--image", "--", "-x"]);
  });

  test("needs no configuration of the image for the pod's own command", () => {
    const invocation = parseInvocation(["--image", "other", "--", "true"]);
    expect(commandOf(invocation, {})).toEqual(["true"]);
  });

  test("names the image whose configuration is missing", () => {
    const invocation = parseInvocation(["--image", "other", "--entrypoint-from-image", "--"]);
    expect(() => commandOf(invocation, IMAGES)).toThrow("`other`");
  });

  test("refuses an image without a command when the pod names none", () => {
    const flags = [
      "--image",
      "azds.local/dev/empty:azds-abc123-1",
      "--entrypoint-from-image",
      "--cmd-from-image",
      "--",
    ];
    expect(() => commandOf(parseInvocation(flags), IMAGES)).toThrow("names a command to run");
  });
});

describe("parseInvocation()", () => {
  test("refuses a command line without an image", () => {
    expect(() => parseInvocation(["--", "true"])).toThrow("`--image` is missing");
  });

  test("refuses an option that it does not know", () => {
    expect(() => parseInvocation(["--image", "x", "--unknown", "--", "true"])).toThrow("--unknown");
  });
});

test("parseInvocation() tells where synced files land, and whether the container is held", () => {
  expect(parseInvocation(["--image", IMAGE, "--", "a"])).not.toHaveProperty("syncTarget");
  expect(parseInvocation(["--image", IMAGE, "--", "a"]).hold).toBe(false);
  const given = parseInvocation(["--image", IMAGE, "--sync-target", "/app", "--hold", "--", "a", "--hold"]);
  expect(given).toMatchObject({ syncTarget: "/app", hold: true, words: ["a", "--hold"] });
});
