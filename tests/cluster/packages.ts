import { existsSync } from "node:fs";
import { run } from "./run.ts";
import type { Steps } from "./steps.ts";

/** A program or file the cluster needs, and the Debian package that brings it. */
export type Requirement = { readonly file: string; readonly debianPackage: string };

const REQUIREMENTS: readonly Requirement[] = [
  { file: "containerd", debianPackage: "containerd" },
  { file: "ctr", debianPackage: "containerd" },
  { file: "runc", debianPackage: "runc" },
  { file: "/usr/lib/cni/bridge", debianPackage: "containernetworking-plugins" },
  { file: "/usr/lib/cni/portmap", debianPackage: "containernetworking-plugins" },
  { file: "iptables", debianPackage: "iptables" },
  { file: "conntrack", debianPackage: "conntrack" },
  { file: "ip", debianPackage: "iproute2" },
  { file: "sysctl", debianPackage: "procps" },
  { file: "nsenter", debianPackage: "util-linux" },
  { file: "unshare", debianPackage: "util-linux" },
  { file: "setsid", debianPackage: "util-linux" },
  { file: "mount", debianPackage: "mount" },
  { file: "hostname", debianPackage: "hostname" },
  { file: "openssl", debianPackage: "openssl" },
  { file: "busybox", debianPackage: "busybox-static" },
  { file: "ldd", debianPackage: "libc-bin" },
  { file: "/lib/ld-musl-x86_64.so.1", debianPackage: "musl" },
  { file: "/etc/ssl/certs/ca-certificates.crt", debianPackage: "ca-certificates" },
];

/** Beside them, for nodes with Docker. */
export const DOCKER_REQUIREMENTS: readonly Requirement[] = [
  { file: "dockerd", debianPackage: "docker.io" },
  { file: "docker", debianPackage: "docker.io" },
  // Carries what is forwarded to a port of a pod.
  { file: "socat", debianPackage: "socat" },
];

/** Where programs are looked for: the administrator's folders are often not in PATH. */
export const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export function missingPackages(requirements: readonly Requirement[], present: (file: string) => boolean): string[] {
  return [...new Set(requirements.filter(({ file }) => !present(file)).map(({ debianPackage }) => debianPackage))];
}

/** Installs what is missing. Needs root and, when something is missing, Debian's package server. */
export async function installMissingPackages(
  steps: Steps,
  requirements: readonly Requirement[] = REQUIREMENTS,
): Promise<void> {
  const missing = missingPackages(requirements, isPresent);
  if (missing.length === 0) return;
  if (Bun.which("apt-get") === null)
    throw new Error(`Missing packages, and there is no apt-get to install them: ${missing.join(" ")}`);
  await steps.step(`Packages installed: ${missing.join(" ")}`, async () => {
    await run(["apt-get", "update", "-q"]);
    await run(["apt-get", "install", "-qy", "--no-install-recommends", ...missing], {
      // In run level 1 no package starts its service (invoke-rc.d(8)).
      env: { PATH: SYSTEM_PATH, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" },
    });
  });
}

function isPresent(file: string): boolean {
  return file.startsWith("/") ? existsSync(file) : Bun.which(file, { PATH: SYSTEM_PATH }) !== null;
}
