/** Three levels of spaces: a request with the header touches exactly the nearest service of each name, wherever it enters. */
import { beforeAll, describe, expect, test } from "bun:test";
import { ask, deployClient, deployLinks, type Link, removeLink, scaleLink } from "./support/chain.ts";
import { enabledCluster, kubectlOk } from "./support/cluster.ts";

const CHAIN = { a: "b", b: "c", c: undefined } as const;
type Service = keyof typeof CHAIN;

function link(space: string, service: Service): Link {
  const next = CHAIN[service];
  return next === undefined ? { space, service } : { space, service, next };
}

/** Which services answered. */
async function touched(routeAs?: string): Promise<string> {
  return ask("http://a.tree.svc.cluster.local/", routeAs);
}

/** Asks until the answer is the expected one: a change of a Service reaches the sidecars a moment after kubectl returns. */
async function eventually(routeAs: string | undefined, expected: readonly string[]): Promise<void> {
  const wanted = `200 ${JSON.stringify(expected)}`;
  let answer = "";
  for (let attempt = 0; attempt < 20 && answer !== wanted; attempt += 1) {
    answer = await touched(routeAs);
    if (answer !== wanted) await Bun.sleep(200);
  }
  expect(answer).toBe(wanted);
}

beforeAll(async () => {
  const admin = await enabledCluster();
  for (const space of ["tree", "tree/tree-child", "tree-child/tree-grandchild"]) {
    const result = await admin.azds(["space", "select", "-n", space, "-y"]);
    if (result.code !== 0) throw new Error(`${space}: ${result.stdout}${result.stderr}`);
  }
  await Promise.all([deployClient(), deployLinks([link("tree", "a"), link("tree", "b"), link("tree", "c")])]);
}, 240_000);

describe("a three-level tree", () => {
  test("header absent: only the root answers", async () => {
    await eventually(undefined, ["a.tree", "b.tree", "c.tree"]);
  });

  test("unknown space: only the root answers", async () => {
    await eventually("nobody", ["a.tree", "b.tree", "c.tree"]);
  });

  test.each(["a", "b", "c"] as const)(
    "the child overrides %s, the ancestors answer for the others",
    async (service) => {
      await deployLinks([link("tree-child", service)]);
      const expected = (["a", "b", "c"] as const).map((name) => `${name}.${name === service ? "tree-child" : "tree"}`);
      await eventually("tree-child", expected);
      await eventually(undefined, ["a.tree", "b.tree", "c.tree"]);
      await removeLink(link("tree-child", service));
      await eventually("tree-child", ["a.tree", "b.tree", "c.tree"]);
    },
    120_000,
  );

  test("a service scaled to 0 falls back, and serves again when scaled up", async () => {
    const child = link("tree-child", "b");
    await deployLinks([child]);
    await eventually("tree-child", ["a.tree", "b.tree-child", "c.tree"]);
    await scaleLink(child, 0);
    await eventually("tree-child", ["a.tree", "b.tree", "c.tree"]);
    await scaleLink(child, 1);
    await eventually("tree-child", ["a.tree", "b.tree-child", "c.tree"]);
    await removeLink(child);
  }, 180_000);

  test("a grandchild takes the nearest of each service upwards", async () => {
    await deployLinks([link("tree-child", "b"), link("tree-grandchild", "c")]);
    await eventually("tree-grandchild", ["a.tree", "b.tree-child", "c.tree-grandchild"]);
    await eventually("tree-child", ["a.tree", "b.tree-child", "c.tree"]);
    await eventually(undefined, ["a.tree", "b.tree", "c.tree"]);
    await Promise.all([removeLink(link("tree-child", "b")), removeLink(link("tree-grandchild", "c"))]);
  }, 180_000);

  test("a bare name that only an ancestor has resolves in the grandchild, in its init containers too", async () => {
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "resolver", namespace: "tree-grandchild" },
      spec: {
        restartPolicy: "Never",
        initContainers: [
          {
            name: "early",
            image: "docker.io/library/node:20-alpine",
            command: ["node", "-e", "fetch('http://c/').then(async (r) => console.log(await r.text()))"],
          },
        ],
        containers: [
          {
            name: "late",
            image: "docker.io/library/node:20-alpine",
            command: ["node", "-e", "fetch('http://c/').then(async (r) => console.log(await r.text()))"],
          },
        ],
      },
    };
    await kubectlOk(["apply", "-f", "-"], JSON.stringify(pod));
    await kubectlOk([
      "-n",
      "tree-grandchild",
      "wait",
      "--for=jsonpath={.status.phase}=Succeeded",
      "pod/resolver",
      "--timeout=60s",
    ]);
    for (const container of ["early", "late"]) {
      expect((await kubectlOk(["-n", "tree-grandchild", "logs", "resolver", "-c", container])).trim()).toBe(
        '["c.tree"]',
      );
    }
    await kubectlOk(["-n", "tree-grandchild", "delete", "pod", "resolver", "--grace-period=1"]);
  }, 90_000);
});
