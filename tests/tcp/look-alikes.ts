/**
 * Servers that nobody here wrote, whose protocols begin as HTTP does or have the server speak first, and clients of others,
 * through two sidecars, outbound then inbound. Nothing is declared, so the first bytes decide.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { acceptInbound } from "../../proxy/sidecar/inbound.ts";
import { acceptOutbound } from "../../proxy/sidecar/outbound.ts";
import { installMissingPackages, type Requirement, SYSTEM_PATH } from "../cluster/packages.ts";
import { run } from "../cluster/run.ts";
import { createSteps } from "../cluster/steps.ts";
import { pythonWithPeers } from "../peers/peers.ts";
import { freePort, listening } from "../peers/ports.ts";
import { front, pod, redirected, service } from "../unit/proxy/raw-peers.ts";

const PROGRAMS = join(import.meta.dir, "../projects/look-alikes");
const HOST = "127.0.0.1";
const PACKAGES: readonly Requirement[] = [
  { file: "redis-server", debianPackage: "redis-server" },
  { file: "redis-cli", debianPackage: "redis-tools" },
  { file: "memcached", debianPackage: "memcached" },
  { file: "beanstalkd", debianPackage: "beanstalkd" },
  { file: "mariadbd", debianPackage: "mariadb-server-core" },
  { file: "mariadb", debianPackage: "mariadb-client-core" },
];

interface Server {
  readonly name: string;
  readonly argv: (place: Place) => readonly string[];
  /** Before its first start. */
  readonly prepare?: (place: Place) => Promise<unknown>;
}

interface Place {
  readonly port: number;
  /** Empty, the server's own. */
  readonly folder: string;
  readonly python: string;
}

const SERVERS: readonly Server[] = [
  {
    name: "redis",
    argv: ({ port, folder }) => ["redis-server", "--bind", HOST, "--port", `${port}`, "--save", "", "--dir", folder],
  },
  {
    name: "memcached",
    argv: ({ port }) => ["memcached", "-l", HOST, "-p", `${port}`, "-U", "0", "-u", "nobody"],
  },
  {
    name: "aiosmtpd",
    argv: ({ port, folder, python }) => [python, join(PROGRAMS, "smtp-server.py"), `${port}`, folder],
  },
  { name: "beanstalkd", argv: ({ port }) => ["beanstalkd", "-l", HOST, "-p", `${port}`] },
  {
    name: "coilmq",
    argv: ({ port, python }) => [join(python, "../coilmq"), "-b", HOST, "-p", `${port}`],
  },
  {
    name: "mariadb",
    prepare: ({ folder }) =>
      run(["mariadb-install-db", ...mariadb(folder), "--auth-root-authentication-method=normal"]),
    argv: ({ port, folder }) => [
      "mariadbd",
      ...mariadb(folder),
      "--skip-name-resolve",
      `--bind-address=${HOST}`,
      `--port=${port}`,
      `--socket=${folder}/socket`,
    ],
  },
];

function mariadb(folder: string): readonly string[] {
  return ["--no-defaults", `--datadir=${folder}/data`, "--user=root"];
}

export async function proveLookAlikes(): Promise<void> {
  const steps = createSteps((text) => process.stderr.write(text));
  await installMissingPackages(steps, PACKAGES);
  const python = await pythonWithPeers();
  for (const server of SERVERS) await prove(server, python);
}

async function prove({ name, argv, prepare }: Server, python: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "azds-look-alike-"));
  const place = { port: freePort(), folder, python };
  await prepare?.(place);
  const child = Bun.spawn([...argv(place)], {
    env: { ...process.env, PATH: SYSTEM_PATH },
    stdio: ["ignore", "ignore", "ignore"],
  });
  await listening(place.port);
  const [inbound, inboundPod] = inboundTo(place.port);
  const outboundPod = undeclared(inbound.port);
  const outbound = front(redirected(acceptOutbound(outboundPod)));
  const said = await run([python, join(PROGRAMS, "client.py"), name, String(outbound.port)]);
  for (const line of said.trim().split("\n"))
    console.log(line.replace(/^(ok|FAIL) /, (_, verdict: string) => `${verdict.padEnd(4)} ${name}: `));
  for (const [side, { counters }] of [
    ["outbound", outboundPod],
    ["inbound", inboundPod],
  ] as const) {
    const { connections, relayed, requests } = counters;
    const passed = requests === 0 && relayed === connections;
    console.log(`${passed ? "ok  " : "FAIL"} ${name}: ${relayed} of ${connections} connections relayed ${side}`);
  }
  outbound.stop();
  inbound.stop();
  child.kill("SIGKILL");
  await child.exited;
  rmSync(folder, { recursive: true, force: true });
}

function inboundTo(port: number) {
  const of = undeclared(port);
  return [front(redirected(acceptInbound(of))), of] as const;
}

/** A pod whose connections all go to this port of a Service that says nothing about it. */
function undeclared(port: number) {
  const ports = [{ name: "", port, target: port }];
  return pod(
    { address: HOST, port },
    { services: [service({ namespace: "dev", name: "web", ports, endpoints: [HOST] })] },
  );
}
