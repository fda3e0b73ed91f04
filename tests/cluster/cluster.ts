import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { kubeconfigText, serverOf, writeKubeconfig } from "./kubeconfig.ts";
import { CONTEXT_NAME } from "./layout.ts";
import { signCertificate } from "./pki.ts";
import type { NodeCount } from "./up.ts";

/** A running test cluster, for tests: always with its own kubeconfig and context, never the user's. */
export type TestCluster = {
  readonly kubeconfig: string;
  readonly context: typeof CONTEXT_NAME;
  readonly stateDir: string;
  /** Path of the Helm the cluster was built with; its folder can go to the front of PATH. */
  readonly helm: string;
  readonly kubectl: string;
};

const MAIN = join(import.meta.dir, "main.ts");
const STATE_DIR = join(import.meta.dir, "../../.cluster");

/** Gives the checkout's cluster, and brings up what is missing of it. Takes milliseconds when it is up. */
export async function ensureCluster(options: { readonly nodes: NodeCount }): Promise<TestCluster> {
  await launch(["up", "--nodes", String(options.nodes)]);
  const kubectl = Bun.which("kubectl");
  if (kubectl === null) throw new Error("`kubectl` is not installed, or not in PATH");
  const stateDir = resolve(STATE_DIR);
  return {
    kubeconfig: join(stateDir, "kubeconfig"),
    context: CONTEXT_NAME,
    stateDir,
    helm: join(stateDir, "bin/helm"),
    kubectl,
  };
}

/** Loads an image archive (of `docker save`, or in OCI layout) into every node. */
export async function loadImage(file: string): Promise<void> {
  await launch(["load-image", file]);
}

/** Writes a kubeconfig for a user without rights of their own and gives its path; bind roles to the user or the groups. */
export async function userKubeconfig(stateDir: string, user: string, groups: readonly string[] = []): Promise<string> {
  const pkiDir = join(stateDir, "pki");
  const certificate = `user-${createHash("sha256")
    .update(JSON.stringify([user, groups]))
    .digest("hex")
    .slice(0, 12)}`;
  const file = join(stateDir, "users", `${certificate}.kubeconfig`);
  if (existsSync(file)) return file;
  const subject = [...groups.map((group) => `/O=${escaped(group)}`), `/CN=${escaped(user)}`].join("");
  await signCertificate({ pkiDir }, { name: certificate, subject });
  mkdirSync(join(stateDir, "users"), { recursive: true });
  const server = await serverOf(join(stateDir, "kubeconfig"));
  if (server === undefined) throw new Error(`There is no cluster in \`${stateDir}\``);
  writeKubeconfig(file, kubeconfigText({ pkiDir }, { certificate, user, server }));
  return file;
}

/** OpenSSL's one-line form of a name takes a backslash before its own signs. */
function escaped(value: string): string {
  return value.replaceAll(/[\\/+]/g, (sign) => `\\${sign}`);
}

/** In a process of its own: the cluster must not depend on the test runner's life, and its lines appear as they come. */
async function launch(argv: readonly string[]): Promise<void> {
  const child = Bun.spawn([process.execPath, MAIN, ...argv], { stdin: "ignore", stdout: "inherit", stderr: "inherit" });
  const code = await child.exited;
  if (code !== 0) throw new Error(`The test cluster's \`${argv.join(" ")}\` failed with exit code ${code}`);
}
