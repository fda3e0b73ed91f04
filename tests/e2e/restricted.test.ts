/** Spaces whose namespaces enforce *restricted*: the node redirects their pods, which have no right at all. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ask, deployClient, deployLinks, type Link, RESTRICTED, startClient } from "./support/chain.ts";
import { apply, enabledCluster, kubectlOk } from "./support/cluster.ts";
import { deployPrograms, podEvents, podObject, podReady, readPod, untilSome } from "./support/pods.ts";
import { labelSpaces, removeSpaces } from "./support/spaces.ts";

const SPACE = "e2e-restricted";
const CHILD = "e2e-restricted-child";
const SPACES = { [SPACE]: "root", [CHILD]: SPACE };
const USER_1000 = { securityContext: { ...RESTRICTED.securityContext, runAsUser: 1000 } };
/** As the sidecar's user, a container with the pod's processes in view may end a worker. */
const KILLER = {
  container: { securityContext: { ...RESTRICTED.securityContext, runAsUser: 19_000 } },
  spec: { shareProcessNamespace: true },
};
const LINKS: readonly Link[] = [
  { space: SPACE, service: "a", next: "b", container: USER_1000 },
  { space: SPACE, service: "b", next: "c", container: USER_1000 },
  { space: SPACE, service: "c", container: USER_1000 },
  { space: CHILD, service: "b", next: "c", container: USER_1000 },
  { space: SPACE, service: "victim", ...KILLER },
];

beforeAll(async () => {
  await enabledCluster();
  await Promise.all([labelSpaces(SPACES, { level: "restricted" }), deployClient()]);
  await deployPrograms([SPACE]);
  await deployLinks(LINKS);
  // Ready pods are known to the proxies of all nodes a moment later.
  await untilSome(async () => ((await ask(`http://a.${SPACE}/`)).includes(`c.${SPACE}`) ? "known" : ""));
}, 180_000);

afterAll(async () => removeSpaces(SPACES), 60_000);

async function podOf(link: Pick<Link, "space" | "service">): Promise<string> {
  const name = await kubectlOk(["-n", link.space, "get", "pods", "-l", `app=${link.service}`, "-o", "name"]);
  return name.trim().slice("pod/".length);
}

describe("a chain of services where NET_ADMIN is forbidden", () => {
  test("its pods have a sidecar and no init container", async () => {
    const { spec, metadata } = await readPod(SPACE, await podOf({ space: SPACE, service: "a" }));
    expect([...(spec.initContainers ?? []), ...spec.containers].map(({ name }) => name)).toEqual([
      "devspaces-proxy",
      "app",
    ]);
    expect(metadata.annotations).not.toHaveProperty("azds.io/injection-skipped");
  });

  test("routes by header, and bare names mean the parent's service where the space has none", async () => {
    expect(await ask(`http://a.${SPACE}/`)).toBe(`200 ["a.${SPACE}","b.${SPACE}","c.${SPACE}"]`);
    expect(await ask(`http://a.${SPACE}/`, CHILD)).toBe(`200 ["a.${SPACE}","b.${CHILD}","c.${SPACE}"]`);
  });
});

describe("a worker of the sidecar that is killed", () => {
  test("refuses no connection, and the next one routes as before", async () => {
    const pod = await podOf({ space: SPACE, service: "victim" });
    const client = startClient(CONNECTS, [`victim.${SPACE}`]);
    await client.until(/connecting/);
    for (let restarts = 1; restarts <= 3; restarts += 1) {
      await kubectlOk(["-n", SPACE, "exec", pod, "-c", "app", "--", "sh", "-c", KILL_WORKER]);
      const metric = new RegExp(`^azds_proxy_worker_restarts_total ${restarts}$`, "m");
      const address = (await readPod(SPACE, pod)).status.podIP ?? "";
      expect(
        await untilSome(async () => metric.exec(await ask(`http://${address}:19020/metrics`))?.[0] ?? ""),
      ).not.toBe("");
    }
    const output = await client.until(/\{.*\}/);
    const counts = JSON.parse(/\{.*\}/.exec(output)?.[0] ?? "{}") as Readonly<Record<string, number>>;
    await client.stop();
    expect(counts["answered"]).toBeGreaterThan(100);
    expect(counts["ECONNREFUSED"]).toBeUndefined();
    expect(await ask(`http://a.${SPACE}/`, CHILD)).toBe(`200 ["a.${SPACE}","b.${CHILD}","c.${SPACE}"]`);
  }, 60_000);
});

const KILL_WORKER =
  "for p in /proc/[0-9]*; do grep -q __proxy-worke[r] $p/cmdline 2>/dev/null && kill -9 ${p#/proc/}; done; true";

/** One request after the other, a connection each; after a while how often which end came. */
const CONNECTS = `const http = require("node:http");
const counts = {}; const end = Date.now() + 8_000;
const once = () => new Promise((done) => {
  const count = (what) => { counts[what] = (counts[what] ?? 0) + 1; done(); };
  http.get({ host: process.argv[1], agent: false }, (r) => r.resume().on("end", () => count("answered")).on("error", (e) => count(e.code))).on("error", (e) => count(e.code));
});
console.log("connecting");
(async () => { while (Date.now() < end) await once(); console.log(JSON.stringify(counts)); setInterval(() => {}, 1e6); })();`;

describe("without a builder on its node", () => {
  const daemonSet = ["-n", "azds", "patch", "daemonset", "azds-builder", "--type=merge", "-p"];
  const selector = (value: string | null): string =>
    JSON.stringify({ spec: { template: { spec: { nodeSelector: { "azds.io/nowhere": value } } } } });

  test("a pod starts all the same, says that it is not redirected, and is redirected later", async () => {
    try {
      await kubectlOk([...daemonSet, selector("true")]);
      const selected = ["-l", "app.kubernetes.io/component=builder", "--timeout=60s"];
      await kubectlOk(["-n", "azds", "wait", "--for=delete", "pod", ...selected]);
      const container = { ...USER_1000, command: ["sleep", "100000"] };
      await apply([podObject({ namespace: SPACE, name: "lonely", container })]);
      await podReady(SPACE, "lonely");
      expect(await podEvents(SPACE, "lonely", "RedirectMissing")).toMatch(
        /is not redirected.*the builder of this node/,
      );
    } finally {
      await kubectlOk([...daemonSet, selector(null)]);
      await kubectlOk(["-n", "azds", "rollout", "status", "daemonset", "azds-builder", "--timeout=60s"]);
    }
    expect(await podEvents(SPACE, "lonely", "Redirected")).toContain("passes through azds now");
  }, 150_000);
});
