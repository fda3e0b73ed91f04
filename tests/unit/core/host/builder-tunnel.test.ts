import { afterEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { AzdsError } from "../../../../core/errors.ts";
import { openBuilder, serveBuilderTunnel } from "../../../../core/host/builder-tunnel.ts";
import { serveTls } from "../../../../core/host/tls-server.ts";
import { testCertificate } from "../../../fakes/certificate.ts";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).toReversed()) await undo();
});

/** A builder that answers every hello with `welcome`, then echoes. */
async function fakeBuilder(welcome: string) {
  const certificate = await testCertificate();
  const hellos: string[] = [];
  const server = await serveTls({
    port: 0,
    certificate,
    onConnection: (socket: TLSSocket) => {
      socket.on("error", () => {});
      socket.once("data", (bytes) => {
        hellos.push(bytes.toString());
        socket.write(welcome);
        socket.on("data", (more) => socket.write(more));
      });
    },
  });
  cleanup.push(server.close);
  return {
    builder: { address: "127.0.0.1", port: server.port, serverName: "localhost" },
    ca: certificate.cert,
    hellos,
  };
}

async function tunnelTo(fake: Awaited<ReturnType<typeof fakeBuilder>>) {
  const folder = await mkdtemp(join(tmpdir(), "azds-tunnel-"));
  await writeFile(join(folder, "token"), "secret\n");
  const stop = new AbortController();
  cleanup.push(
    () => stop.abort(),
    () => rm(folder, { recursive: true }),
  );
  const logged: string[] = [];
  const port = await serveBuilderTunnel({
    port: 0,
    builder: fake.builder,
    ca: fake.ca,
    tokenFile: join(folder, "token"),
    signal: stop.signal,
    log: (_level, _message, fields) => logged.push(String(fields?.["error"])),
  });
  return { port, logged };
}

async function exchange(port: number, send: string, enough: number): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port });
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = "";
  socket.on("data", (bytes) => {
    text += bytes.toString();
    if (text.length >= enough) resolve(text);
  });
  socket.on("close", () => resolve(text));
  socket.on("error", () => {});
  socket.write(send);
  const got = await promise;
  socket.destroy();
  return got;
}

describe("serveBuilderTunnel()", () => {
  test("says hello with the token of the file, then copies bytes, those behind the welcome included", async () => {
    const fake = await fakeBuilder('{"ok":true}\nfirst ');
    const { port } = await tunnelTo(fake);
    expect(await exchange(port, "and back", "first and back".length)).toBe("first and back");
    expect(fake.hellos).toEqual(['{"protocol":"azds-builder/1","token":"secret"}\n']);
  });

  test("closes without a byte when the builder refuses, and logs its reason", async () => {
    const { port, logged } = await tunnelTo(
      await fakeBuilder('{"ok":false,"code":"FORBIDDEN","message":"Not your namespace"}\n'),
    );
    expect(await exchange(port, "hello", 1)).toBe("");
    expect(logged).toEqual(["The builder refused the connection: Not your namespace"]);
  });
});

async function codeOf(failing: Promise<unknown>): Promise<unknown> {
  return failing.then(
    () => undefined,
    (error: unknown) => (error instanceof AzdsError ? error.code : error),
  );
}

describe("openBuilder()", () => {
  test("refuses a certificate of another authority", async () => {
    const { builder } = await fakeBuilder('{"ok":true}\n');
    const { cert } = await testCertificate();
    expect(await codeOf(openBuilder({ builder, ca: cert, token: "secret" }))).toBe("BUILDER_UNAVAILABLE");
  });

  test("refuses what is no welcome", async () => {
    const { builder, ca } = await fakeBuilder("HTTP/1.1 400 Bad Request\r\n");
    expect(await codeOf(openBuilder({ builder, ca, token: "secret" }))).toBe("PROTOCOL");
  });
});
