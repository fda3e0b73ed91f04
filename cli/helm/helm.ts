/** Helm as a program: argv in, typed errors out. */
import { AzdsError } from "../../core/errors.ts";
import type { Run, RunOptions, RunResult } from "../../core/host/run.ts";
import { HELM_MS_MAX } from "../../core/limits.ts";
import { asString, at } from "../../core/parse.ts";
import { type HelmTarget, type Release, rollbackArgs, statusArgs, uninstallArgs, upgradeArgs } from "./args.ts";
import { checkVersion } from "./version.ts";

export interface HelmOptions {
  readonly run: Run;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Lines that Helm writes to its error output: warnings and notes. */
  readonly onLine?: (line: string) => void;
}

export interface Helm {
  /** @throws AzdsError HELM_MISSING, HELM_TOO_OLD */
  readonly check: () => Promise<void>;
  /** @throws AzdsError CHART_INVALID, RELEASE_FAILED */
  readonly upgrade: (release: Release) => Promise<void>;
  /** False when there was no such release. */
  readonly uninstall: (name: string, target: HelmTarget) => Promise<boolean>;
  /** Frees a release that a killed Helm left locked (`pending-*`); the caller holds the session's Lease. */
  readonly unlock: (name: string, target: HelmTarget) => Promise<void>;
}

export function createHelm(options: HelmOptions): Helm {
  const helm = async (args: readonly string[]): Promise<RunResult> => runHelm(args, options);
  // A Helm that outlives a killed azds would work on the release beside the next command's.
  const change = async (args: readonly string[]): Promise<RunResult> => runHelm(args, { ...options, bound: true });
  return {
    check: async () => {
      const result = await helm(["version", "--template", "{{.Version}}"]);
      checkVersion(result.stdout);
    },
    upgrade: async (release) => {
      const result = await change(upgradeArgs(release));
      if (result.code !== 0) throw upgradeError(release.name, result.stderr);
    },
    uninstall: async (name, target) => {
      const result = await change(uninstallArgs(name, target));
      if (result.code === 0) return true;
      if (/not found/i.test(result.stderr)) return false;
      throw new AzdsError("RELEASE_FAILED", `Helm could not remove \`${name}\`: ${lastLine(result.stderr)}`);
    },
    unlock: async (name, target) => {
      const result = await helm(statusArgs(name, target));
      if (result.code !== 0) return;
      const status = asString(at(safeJson(result.stdout), "info", "status")) ?? "";
      if (status === "pending-install") await change(uninstallArgs(name, target));
      else if (status === "pending-upgrade" || status === "pending-rollback") await change(rollbackArgs(name, target));
    },
  };
}

async function runHelm(args: readonly string[], options: HelmOptions & Pick<RunOptions, "bound">): Promise<RunResult> {
  const limit = AbortSignal.timeout(HELM_MS_MAX);
  try {
    const result = await options.run(["helm", ...args], {
      env: options.env,
      bound: options.bound ?? false,
      signal: AbortSignal.any([options.signal, limit]),
      onLine: (stream, line) => {
        if (stream === "stderr") options.onLine?.(line);
      },
    });
    options.signal.throwIfAborted();
    if (limit.aborted)
      throw new AzdsError("TIMED_OUT", `Helm did not finish \`${args[0] ?? ""}\` within ${HELM_MS_MAX / 1000} s`);
    return result;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT")
      throw new AzdsError("HELM_MISSING", "The program `helm` is not on PATH", { cause: error });
    throw error;
  }
}

// Words with which Helm's renderer reports a chart or values it cannot use, before anything reaches the cluster.
const CHART_PROBLEM =
  /execution error|parse error|template:|YAML parse error|values don't meet|unable to build kubernetes objects|error validating data|Chart\.yaml|dependencies|cannot load/i;

// Words of Go's network library and of Kubernetes' client for a server that is away or about to go.
const UNREACHABLE =
  /cluster unreachable|connection refused|connection reset|unexpected EOF|: EOF$|TLS handshake timeout|http2: client connection lost|i\/o timeout|apiserver not ready|is shutting down/i;

function upgradeError(name: string, stderr: string): AzdsError {
  const message = lastLine(stderr).replace(/^Error: /, "");
  if (UNREACHABLE.test(message))
    return new AzdsError("CLUSTER_UNREACHABLE", `Helm did not reach the cluster for \`${name}\`: ${message}`);
  const code = CHART_PROBLEM.test(message) ? "CHART_INVALID" : "RELEASE_FAILED";
  return new AzdsError(code, `Helm did not install \`${name}\`: ${message}`);
}

function lastLine(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const start = lines.findLastIndex((line) => line.startsWith("Error:"));
  const message = lines.slice(Math.max(start, 0)).join(" ").trim();
  // Kubernetes prints the whole object before the reason.
  return message.replace(/(\S+): Invalid value: \{.*\}: field is immutable/, "`$1` is immutable");
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // An older Helm may print notes around the object; then nothing is known of the release.
    return undefined;
  }
}
