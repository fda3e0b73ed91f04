import { describe, expect, test } from "bun:test";
import { readDoors, readHttpRoutes } from "../../../../cli/explain/read-gateways.ts";
import { KubeError } from "../../../../core/kube/types.ts";
import { fakeKube } from "../../../fakes/kube.ts";

const API = "/apis/gateway.networking.k8s.io/v1/namespaces";
const ROUTES = `${API}/dev/httproutes`;
const { signal } = new AbortController();

/** Whoever may not read what lies below `forbidden`. */
function cluster(forbidden: readonly string[] = []) {
  const kube = fakeKube({
    answer: ({ path }) => {
      if (forbidden.some((each) => path.startsWith(each))) throw new KubeError(403, "Forbidden", "no");
      return undefined;
    },
  });
  const parentRefs = [
    { name: "own" },
    { name: "main", namespace: "infra", sectionName: "http" },
    { name: "main", namespace: "infra", sectionName: "https" },
    { name: "lost", namespace: "infra" },
    { kind: "Service", name: "web" },
  ];
  kube.put(`${ROUTES}/shop`, { spec: { parentRefs } });
  kube.put("/api/v1/namespaces/dev", { metadata: { labels: { team: "a" } } });
  gateway("dev/gateways/own", "Same");
  gateway("infra/gateways/main", "Selector");
  return kube;

  function gateway(at: string, from: string): void {
    const allowedRoutes = { namespaces: { from, selector: {} } };
    kube.put(`${API}/${at}`, { spec: { listeners: [{ name: "http", port: 80, protocol: "HTTP", allowedRoutes }] } });
  }
}

async function doors(kube: ReturnType<typeof cluster>): Promise<unknown> {
  const httpRoutes = await readHttpRoutes(kube, "dev", signal);
  const { gateways, labels } = await readDoors(kube, { namespace: "dev", httpRoutes }, signal);
  const found = [...gateways].map(([key, fact]) => [key, typeof fact === "string" ? fact : fact.listeners.length]);
  return { ...Object.fromEntries(found), labels };
}

describe("readDoors()", () => {
  test("reads each Gateway that is named once, and labels where one selects by them", async () => {
    const kube = cluster();
    expect(await doors(kube)).toEqual({
      "dev/own": 1,
      "infra/main": 1,
      "infra/lost": "absent",
      labels: { team: "a" },
    });
    expect(kube.calls.filter(({ path }) => path.includes("/gateways/"))).toHaveLength(3);
  });

  test("tells what may not be read", async () => {
    expect(await doors(cluster([`${API}/infra/`]))).toEqual({
      "dev/own": 1,
      "infra/main": "unreadable",
      "infra/lost": "unreadable",
      labels: undefined,
    });
    expect(await doors(cluster(["/api/v1/namespaces/dev"]))).toMatchObject({ "infra/main": 1, labels: undefined });
    expect(await doors(cluster([ROUTES]))).toEqual({ labels: undefined });
  });
});
