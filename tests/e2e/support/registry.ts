/** Debian's `docker-registry` on the first node, which all nodes and pods of the test cluster reach. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { unpackDebianPackages } from "../../cluster/images/debian.ts";
import { registriesFolder } from "../../cluster/node-agents.ts";
import { DOCKER_HOST } from "../../cluster/docker.ts";
import { inNode, layoutOf, runsDocker, startInNodeNetwork } from "./node.ts";

const NODE = "node1";
const CACHE = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "azds-test-cluster/docker-registry");
const START_MS_MAX = 20_000;

export interface RegistryOptions {
  readonly port: number;
  /** Nodes whose containerd shall know that it speaks plain HTTP. */
  readonly nodes: readonly string[];
  /** What it wants of everybody; absent: nothing. */
  readonly login?: Login;
}

interface Login {
  readonly user: string;
  readonly password: string;
}

export interface Registry extends AsyncDisposable {
  /** `<address>:<port>` */
  readonly host: string;
  /** Puts an image of the node's store there, under `path`. Resolves with its reference. */
  readonly put: (path: string, image: string) => Promise<string>;
  /** Whether the nodes' containerd knows that it speaks plain HTTP; from the beginning it does. */
  readonly introduce: (known: boolean) => void;
}

export async function startRegistry({ port, nodes, login }: RegistryOptions): Promise<Registry> {
  await unpackDebianPackages(CACHE, ["docker-registry"]);
  const folder = mkdtempSync(join(tmpdir(), "registry-"));
  const host = `${layoutOf(NODE).address}:${port}`;
  const passwords = join(folder, "htpasswd");
  if (login !== undefined) {
    const hash = await Bun.password.hash(login.password, { algorithm: "bcrypt", cost: 4 });
    writeFileSync(passwords, `${login.user}:${hash}\n`);
  }
  const settings = {
    version: "0.1",
    log: { level: "warn" },
    storage: { filesystem: { rootdirectory: join(folder, "storage") } },
    http: { addr: host },
    ...(login === undefined ? {} : { auth: { htpasswd: { realm: "test", path: passwords } } }),
  };
  writeFileSync(join(folder, "settings.yaml"), stringify(settings));
  const hosts = nodes.map((node) => join(registriesFolder(layoutOf(node)), host));
  const introduce = (known: boolean): void => {
    for (const place of hosts) {
      rmSync(place, { recursive: true, force: true });
      if (!known) continue;
      mkdirSync(place, { recursive: true });
      writeFileSync(join(place, "hosts.toml"), `server = "http://${host}"\n[host."http://${host}"]\n`);
    }
  };
  introduce(true);
  const program = join(CACHE, "usr/bin/docker-registry");
  const child = startInNodeNetwork(NODE, [program, "serve", join(folder, "settings.yaml")]);
  await untilListening(port);
  return {
    host,
    put: async (path, image) => {
      const reference = `${host}/${path}`;
      if (runsDocker(NODE)) {
        await pushFromDocker({ folder, host, login }, image, reference);
        return reference;
      }
      const user = login === undefined ? [] : ["--user", `${login.user}:${login.password}`];
      const push = ["ctr", "--namespace", "k8s.io", "images", "push", "--plain-http", ...user];
      await inNode(NODE, [...push, reference, image]);
      return reference;
    },
    introduce,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await child.exited;
      for (const place of [folder, ...hosts]) rmSync(place, { recursive: true, force: true });
    },
  };
}

/** With a configuration of its own: the user's stays as it is. */
async function pushFromDocker(
  { folder, host, login }: { readonly folder: string; readonly host: string; readonly login: Login | undefined },
  image: string,
  reference: string,
): Promise<void> {
  const auth = login === undefined ? "" : Buffer.from(`${login.user}:${login.password}`).toString("base64");
  writeFileSync(join(folder, "config.json"), JSON.stringify({ auths: { [host]: { auth } } }));
  const docker = ["docker", "--config", folder, "--host", DOCKER_HOST];
  await inNode(NODE, [...docker, "tag", image, reference]);
  await inNode(NODE, [...docker, "push", reference]);
}

async function untilListening(port: number): Promise<void> {
  const listens = async (): Promise<boolean> => (await inNode(NODE, ["ss", "-tln"])).includes(`:${port} `);
  for (const end = Date.now() + START_MS_MAX; Date.now() < end; await Bun.sleep(100)) if (await listens()) return;
  throw new Error(`The registry does not listen at port ${port}`);
}
