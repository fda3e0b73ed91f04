import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dockerImagesAt } from "../../../../builder/docker-images.ts";
import { isPermitted, serveImages } from "../../../../builder/docker/image-requests.ts";

const IMAGE = "azds.local/dev/team/web:azds-abc123-1";
/** Larger than what a server of Bun takes unless it is told otherwise. */
const ARCHIVE = new Blob(Array.from({ length: 130 }, () => new Uint8Array(1024 * 1024)));
const DESCRIPTION = {
  Id: `sha256:${"1".repeat(64)}`,
  Config: { Entrypoint: ["node"], Cmd: null, WorkingDir: "", User: "1000", Env: ["A=1"] },
};

test.each([
  ["GET", `/images/${IMAGE}/json`, true],
  ["GET", `/images/${IMAGE}/get`, true],
  ["POST", "/images/load", true],
  ["GET", "/images/node:20/json", false],
  ["GET", "/images/azds.local/../node:20/get", false],
  ["GET", "/images/json", false],
  ["DELETE", `/images/${IMAGE}`, false],
  ["POST", `/images/${IMAGE}/push`, false],
  ["POST", "/containers/create", false],
  ["POST", "/grpc", false],
])("isPermitted(): %s %s: %p", (method, path, answer) => {
  expect(isPermitted(method, path)).toBe(answer);
});

describe("dockerImagesAt(), through serveImages()", () => {
  let folder = "";
  let loaded = 0;
  let servers: { stop: (closeAll: boolean) => Promise<void> }[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "docker-images-"));
    loaded = 0;
    const docker = join(folder, "docker.sock");
    const listen = join(folder, "images.sock");
    const answer = async (request: Request): Promise<Response> => {
      const { pathname } = new URL(request.url);
      if (pathname === "/images/load") {
        loaded = (await request.arrayBuffer()).byteLength;
        return new Response("{}");
      }
      if (pathname === `/images/${IMAGE}/json`) return Response.json(DESCRIPTION);
      if (pathname === `/images/${IMAGE}/get`) return new Response(ARCHIVE);
      return Response.json({ message: "No such image" }, { status: 404 });
    };
    servers = [
      Bun.serve({ unix: docker, maxRequestBodySize: 2 * ARCHIVE.size, fetch: answer }),
      serveImages({ listen, docker }),
    ];
  });
  afterEach(async () => {
    for (const server of servers) await server.stop(true);
    rmSync(folder, { recursive: true });
  });

  const { signal } = new AbortController();
  const images = (): ReturnType<typeof dockerImagesAt> => dockerImagesAt(join(folder, "images.sock"));

  test("finds an image with what it starts", async () => {
    expect(await images().find(IMAGE)).toEqual({
      digest: DESCRIPTION.Id,
      config: { entrypoint: ["node"], cmd: [], workingDir: "/", user: "1000", env: ["A=1"] },
    });
    expect(await images().find("azds.local/dev/web:other")).toBeUndefined();
  });

  test("is refused what is none of ours", () => {
    expect(images().find("node:20")).rejects.toThrow("403");
  });

  test("carries archives both ways", async () => {
    await images().load(await images().save(IMAGE, signal), signal);
    expect(loaded).toBe(ARCHIVE.size);
    expect(images().save("azds.local/dev/web:other", signal)).rejects.toMatchObject({ code: "IMAGE_NOT_AVAILABLE" });
  });

  test("says so when nobody is there", () => {
    expect(dockerImagesAt("/nowhere/images.sock").find(IMAGE)).rejects.toMatchObject({ code: "BUILDER_UNAVAILABLE" });
  });
});
