import { describe, expect, test } from "bun:test";
import { AzdsError } from "../../../../core/errors.ts";
import type { Run, RunResult } from "../../../../core/host/run.ts";
import { upgradeArgs } from "../../../../cli/helm/args.ts";
import { createHelm, type Helm } from "../../../../cli/helm/helm.ts";
import { checkVersion } from "../../../../cli/helm/version.ts";

const TARGET = { context: "c", kubeconfig: "/k", namespace: "alice" };
const RELEASE = { ...TARGET, name: "azds-web", chart: "/chart", valuesFiles: ["/a.yaml"] };

/** Answers each call by its first argument and keeps the command lines. */
function scripted(answers: Readonly<Record<string, Partial<RunResult>>>): {
  readonly helm: Helm;
  readonly calls: string[];
} {
  const calls: string[] = [];
  const run: Run = (argv) => {
    calls.push(argv.slice(1, 3).join(" "));
    return Promise.resolve({ code: 0, stdout: "", stderr: "", ...answers[argv[1] ?? ""] });
  };
  return { helm: createHelm({ run, env: {}, signal: new AbortController().signal }), calls };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "none",
    (error: unknown) => (error instanceof AzdsError ? error.code : String(error)),
  );
}

test("upgradeArgs() always names context, kubeconfig and namespace, and puts no value on the command line", () => {
  expect(upgradeArgs(RELEASE).join(" ")).toBe(
    "upgrade azds-web /chart --install --output json --history-max 5 --kube-context c --namespace alice --kubeconfig /k --values /a.yaml",
  );
});

describe("createHelm()", () => {
  test("a chart that does not render is CHART_INVALID", async () => {
    const { helm } = scripted({
      upgrade: {
        code: 1,
        stderr: 'Error: UPGRADE FAILED: template: web/templates/x.yaml:3: function "nope" not defined\n',
      },
    });
    expect(await codeOf(helm.upgrade(RELEASE))).toBe("CHART_INVALID");
  });

  test.each([
    'Error: Kubernetes cluster unreachable: Get "https://127.0.0.1:1/version": dial tcp 127.0.0.1:1: connect: connection refused',
    'Error: UPGRADE FAILED: Get "https://127.0.0.1:1/api/v1/namespaces/alice/services/web": unexpected EOF',
  ])("a cluster that is away is CLUSTER_UNREACHABLE: %s", async (stderr) => {
    const { helm } = scripted({ upgrade: { code: 1, stderr } });
    expect(await codeOf(helm.upgrade(RELEASE))).toBe("CLUSTER_UNREACHABLE");
  });

  test("a release that the cluster refuses is RELEASE_FAILED with Helm's words", async () => {
    const { helm } = scripted({ upgrade: { code: 1, stderr: 'warning\nError: services "web" already exists\n' } });
    expect(await codeOf(helm.upgrade(RELEASE))).toBe("RELEASE_FAILED");
    expect(helm.upgrade(RELEASE)).rejects.toThrow('services "web" already exists');
  });

  test("a Job's template that may not change is named without the object around it", async () => {
    const before =
      'Error: UPGRADE FAILED: cannot patch "web" with kind Job: Job.batch "web" is invalid: spec.template: ';
    const stderr = `${before}Invalid value: {"labels":{"a":"b"},"Spec":{"Volumes":null}}: field is immutable\n`;
    const { helm } = scripted({ upgrade: { code: 1, stderr } });
    expect(await codeOf(helm.upgrade(RELEASE))).toBe("RELEASE_FAILED");
    expect(helm.upgrade(RELEASE)).rejects.toThrow('Job.batch "web" is invalid: `spec.template` is immutable');
  });

  test.each([
    ["pending-install", ["status azds-web", "uninstall azds-web"]],
    ["pending-upgrade", ["status azds-web", "rollback azds-web"]],
    ["deployed", ["status azds-web"]],
  ])("unlock() of a release in state %s", async (status, expected) => {
    const { helm, calls } = scripted({ status: { stdout: JSON.stringify({ info: { status } }) } });
    await helm.unlock("azds-web", TARGET);
    expect(calls).toEqual(expected);
  });

  test("uninstall() of an unknown release says so", async () => {
    const { helm } = scripted({
      uninstall: { code: 1, stderr: "Error: uninstall: Release not loaded: x: release: not found" },
    });
    expect(await helm.uninstall("x", TARGET)).toBe(false);
  });

  test("a missing program is HELM_MISSING", async () => {
    const run: Run = () => Promise.reject(Object.assign(new Error("no such file"), { code: "ENOENT" }));
    const helm = createHelm({ run, env: {}, signal: new AbortController().signal });
    expect(await codeOf(helm.check())).toBe("HELM_MISSING");
  });
});

describe("checkVersion()", () => {
  test.each(["v3.8.0", "v3.19.5", "v4.0.1"])("takes %s", (version) => {
    expect(() => checkVersion(version)).not.toThrow();
  });

  test.each(["v3.7.2", "v2.17.0", "garbage"])("refuses %s", (version) => {
    expect(() => checkVersion(version)).toThrow(AzdsError);
  });
});
