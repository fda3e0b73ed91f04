/** The programs to compare with: of Debian's packages, and built from their Go modules into the test cluster's cache. */
import { homedir } from "node:os";
import { join } from "node:path";
import { installMissingPackages, type Requirement } from "../../tests/cluster/packages.ts";
import { buildExtra } from "../../tests/cluster/programs.ts";
import { createSteps } from "../../tests/cluster/steps.ts";

const REQUIREMENTS: readonly Requirement[] = [
  { file: "nginx", debianPackage: "nginx-light" },
  { file: "/usr/lib/nginx/modules/ngx_stream_module.so", debianPackage: "libnginx-mod-stream" },
  { file: "haproxy", debianPackage: "haproxy" },
  { file: "wrk", debianPackage: "wrk" },
  { file: "h2load", debianPackage: "nghttp2-client" },
  { file: "taskset", debianPackage: "util-linux" },
];
const BUILT = ["caddy", "traefik"] as const;

export interface Peers {
  /** Paths of executables; those that are left out are absent. */
  readonly built: Readonly<Partial<Record<(typeof BUILT)[number], string>>>;
  readonly versions: Readonly<Record<string, string>>;
}

/** @param without names of built programs to leave out */
export async function installPeers(without: readonly string[]): Promise<Peers> {
  const steps = createSteps((text) => void process.stderr.write(text));
  await installMissingPackages(steps, REQUIREMENTS);
  // oxlint-disable-next-line node/no-process-env -- the same folder as the test cluster's
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "azds-test-cluster");
  const built: Partial<Record<(typeof BUILT)[number], string>> = {};
  const versions: Record<string, string> = {
    nginx: debianVersion("nginx-light"),
    haproxy: debianVersion("haproxy"),
    wrk: debianVersion("wrk"),
    h2load: debianVersion("nghttp2-client"),
  };
  for (const name of BUILT) {
    if (without.includes(name)) continue;
    const executable = await buildExtra(name, cache, steps);
    built[name] = executable;
    versions[name] = goVersion(executable, name);
  }
  return { built, versions };
}

function debianVersion(name: string): string {
  return Bun.spawnSync(["dpkg-query", "--show", "--showformat=${Version}", name]).stdout.toString();
}

/** Of the module that the executable's main package is in. */
function goVersion(executable: string, name: string): string {
  const text = Bun.spawnSync(["go", "version", "-m", executable]).stdout.toString();
  return new RegExp(`^\\s+(?:dep|mod)\\s+github\\.com/${name}\\S*/v\\d+\\s+(\\S+)`, "m").exec(text)?.[1] ?? "unknown";
}
