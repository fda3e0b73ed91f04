import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { forgetSecrets, mountSecrets } from "../../../builder/secrets.ts";
import { REGISTRY_AUTH } from "../../../core/builder-protocol.ts";
import { streamOfSocket } from "../../../core/wire/socket-stream.ts";
import { openBuilder } from "../../../core/host/builder-tunnel.ts";
import { messageReader, sendMessage } from "../../../core/wire/messages.ts";
import { createMux } from "../../../core/wire/mux.ts";
import { memoryPair } from "../../fakes/memory-stream.ts";
import { startBuilder, tokenOf } from "./loopback-builder.ts";

const REQUEST = {
  session: "azds-abc123",
  image: "web:azds-abc123-1",
  tree: "azds-abc123/0",
  dockerfile: "Dockerfile",
  args: {},
  clean: false,
};

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "secrets-"));
});
afterEach(() => rm(root, { recursive: true }));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const noAgent = (): never => {
  throw new Error("Nobody asked for the agent");
};

describe("mountSecrets()", () => {
  test("lays out files that only their owner reads, and leaves nothing", async () => {
    const contents = new Map([
      ["a", bytes("one")],
      [REGISTRY_AUTH, bytes("{}")],
    ]);
    {
      await using mounted = await mountSecrets(
        { root, dockerConfig: undefined },
        { ...REQUEST, secrets: ["a"] },
        { contents, openAgent: noAgent },
      );
      const file = /src=(.*)$/.exec(mounted.options[1] ?? "")?.[1] ?? "";
      expect(mounted.options).toEqual(["--secret", `id=a,src=${file}`]);
      expect(await readFile(file, "utf8")).toBe("one");
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect(await readFile(join(mounted.env["DOCKER_CONFIG"] ?? "", "config.json"), "utf8")).toBe('{"auths":{}}');
    }
    expect(await readdir(root)).toEqual([]);
  });

  test("gives the builder's own credentials to BuildKit before the developer's", async () => {
    const own = join(root, "own");
    await mkdir(own);
    await writeFile(join(own, "config.json"), '{"auths":{"r.test":{"auth":"own"}}}');
    const theirs = bytes('{"auths":{"r.test":{"auth":"theirs"},"base.test":{"auth":"theirs"}}}');
    const secrets = {
      contents: new Map([[REGISTRY_AUTH, theirs]]),
      openAgent: noAgent,
    };
    await using mounted = await mountSecrets({ root, dockerConfig: own }, REQUEST, secrets);
    const merged: unknown = await Bun.file(join(mounted.env["DOCKER_CONFIG"] ?? "", "config.json")).json();
    expect(merged).toEqual({
      auths: { "r.test": { auth: "own" }, "base.test": { auth: "theirs" } },
    });
  });

  test("leads the agent's socket to the developer's agent", async () => {
    const [ours, agents] = memoryPair();
    const request = { ...REQUEST, ssh: ["default", "git"] };
    await using mounted = await mountSecrets({ root, dockerConfig: undefined }, request, {
      contents: new Map(),
      openAgent: () => ours,
    });
    const socket = /^default=(.*)$/.exec(mounted.options[1] ?? "")?.[1] ?? "";
    expect(mounted.options).toEqual(["--ssh", `default=${socket}`, "--ssh", `git=${socket}`]);
    const client = streamOfSocket(connect(socket));
    await client.write(bytes("question"));
    expect(new TextDecoder().decode(await agents.read())).toBe("question");
    await agents.write(bytes("answer"));
    expect(new TextDecoder().decode(await client.read())).toBe("answer");
    await Promise.all([client.end(), agents.end()]);
  });
});

test("forgetSecrets() removes what a killed builder left", async () => {
  await mkdir(join(root, "old/docker"), { recursive: true });
  await forgetSecrets(root);
  expect(await readdir(root)).toEqual([]);
  await forgetSecrets(join(root, "none"));
});

test("a build with secrets shows them nowhere, keeps them nowhere, and has BuildKit forget its log", async () => {
  await using builder = await startBuilder({ recording: "first-build", exitCode: 0 });
  const socket = await openBuilder({ builder: builder.address, ca: builder.ca, token: tokenOf("dev") });
  const mux = createMux(streamOfSocket(socket), { role: "client" });
  const stream = mux.open("build");
  await sendMessage(stream, { ...REQUEST, secrets: ["a"], registryAuth: true });
  // What the recorded build prints.
  await sendMessage(stream, { secret: "a" }, bytes("key=WORKDIR /app\n"));
  await sendMessage(stream, { secret: REGISTRY_AUTH }, bytes("{}"));
  const reader = messageReader(stream);
  const heads: unknown[] = [];
  for (let message = await reader.next(); message !== undefined; message = await reader.next())
    heads.push(message.head);
  expect(heads.at(-1)).toMatchObject({ type: "done" });
  expect(JSON.stringify(heads.slice(0, -1))).not.toContain("WORKDIR /app");
  expect(await readFile(join(builder.root, "words"), "utf8")).toMatch(/^--secret\nid=a,src=.*$/m);
  expect(await readdir(join(builder.root, "secrets"))).toEqual([]);
  expect(await readdir(builder.root)).toContain("forgotten");
  await mux.close();
});

test("a build whose secrets do not come is refused", async () => {
  await using builder = await startBuilder({ recording: "first-build", exitCode: 0 });
  const socket = await openBuilder({ builder: builder.address, ca: builder.ca, token: tokenOf("dev") });
  const mux = createMux(streamOfSocket(socket), { role: "client" });
  const stream = mux.open("build");
  await sendMessage(stream, { ...REQUEST, secrets: ["a"] });
  await sendMessage(stream, { secret: "b" }, bytes("x"));
  const refusal = await messageReader(stream)
    .next()
    .catch((error: unknown) => String(error));
  expect(refusal).toContain("The secret `a` of the build did not come");
  await mux.close();
});
