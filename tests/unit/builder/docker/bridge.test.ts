import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { connect, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bridgeBuildkit } from "../../../../builder/docker/bridge.ts";
import { streamOfSocket } from "../../../../core/wire/socket-stream.ts";

let folder = "";
let servers: Server[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bridge-"));
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(folder, { recursive: true });
});

/** Docker as far as this goes: after the upgrade it gives back what it gets. */
async function fakeDocker(socket: string): Promise<void> {
  const server = createServer((_request, response) => response.writeHead(404).end());
  server.on("upgrade", ({ method, url, headers }, carrier) => {
    if (method !== "POST" || url !== "/grpc" || headers.upgrade !== "h2c") {
      carrier.end("HTTP/1.1 400 Bad\r\n\r\n");
      return;
    }
    // What comes at once may come with the answer's head.
    carrier.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nhello ");
    carrier.pipe(carrier);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(socket, () => resolve()));
}

interface Bridge {
  readonly listen: string;
  readonly lost: Promise<Error>;
}

async function bridgeTo(docker: string): Promise<Bridge> {
  const listen = join(folder, "buildkitd.sock");
  const lost = Promise.withResolvers<Error>();
  servers.push(await bridgeBuildkit({ listen, docker, log: () => {}, onLost: lost.resolve }));
  return { listen, lost: lost.promise };
}

async function readAll(path: string, sent: string): Promise<string> {
  const stream = streamOfSocket(connect(path));
  await stream.write(new TextEncoder().encode(sent));
  let text = "";
  for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read()) {
    text += new TextDecoder().decode(bytes);
    if (text.length >= "hello ".length + sent.length) break;
  }
  stream.abort();
  return text;
}

test("bridgeBuildkit() gives what Docker's BuildKit says, and nothing of the upgrade", async () => {
  await fakeDocker(join(folder, "docker.sock"));
  const { listen } = await bridgeTo(join(folder, "docker.sock"));
  const answers = await Promise.all(["one", "two".repeat(100_000)].map(async (sent) => readAll(listen, sent)));
  expect(answers).toEqual(["hello one", `hello ${"two".repeat(100_000)}`]);
});

test("bridgeBuildkit() hangs up where Docker has no BuildKit", async () => {
  const server = createServer((_request, response) => response.writeHead(404).end());
  server.on("upgrade", (_request, carrier) => carrier.end("HTTP/1.1 404 Not Found\r\n\r\n"));
  servers.push(server);
  const docker = join(folder, "docker.sock");
  await new Promise<void>((resolve) => server.listen(docker, () => resolve()));
  const { listen } = await bridgeTo(docker);
  expect(await readAll(listen, "preface").catch(() => "")).toBe("");
});

test("bridgeBuildkit() tells when nobody listens on Docker's socket", async () => {
  const { listen, lost } = await bridgeTo(join(folder, "absent.sock"));
  await readAll(listen, "preface").catch(() => "");
  expect(String(await lost)).toMatch(/ENOENT|ECONNREFUSED/);
});
