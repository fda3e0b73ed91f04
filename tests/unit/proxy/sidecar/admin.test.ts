import { afterEach, describe, expect, test } from "bun:test";
import { acceptAdmin, type AdminOptions } from "../../../../proxy/sidecar/admin.ts";
import { formatMetrics, type Gauges, newCounters } from "../../../../proxy/sidecar/metrics.ts";
import { closedPort, front, namedServer } from "../raw-peers.ts";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
});

const GAUGES: Gauges = {
  feedAgeMs: undefined,
  redirected: false,
  residentBytes: 4096,
  openConnections: 2,
  openFiles: 20,
  restarts: 1,
};

function admin(over: Partial<AdminOptions> = {}): string {
  const probing = { address: "127.0.0.1", askAgent: async () => undefined };
  const options = {
    ready: () => true,
    redirected: () => true,
    metrics: () => "metrics\n",
    probes: [],
    probing,
    ...over,
  };
  const listening = front((client) => acceptAdmin(options, client));
  cleanup.push(listening.stop);
  return `http://127.0.0.1:${listening.port}`;
}

describe("acceptAdmin()", () => {
  test("is healthy from the start, and ready with the first table", async () => {
    let ready = false;
    const url = admin({ ready: () => ready });
    expect([(await fetch(`${url}/healthz`)).status, (await fetch(`${url}/readyz`)).status]).toEqual([200, 503]);
    ready = true;
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  test("says whether the pod is redirected", async () => {
    const urls = [admin(), admin({ redirected: () => false })];
    const statuses = await Promise.all(urls.map(async (url) => (await fetch(`${url}/redirected`)).status));
    expect(statuses).toEqual([200, 503]);
  });

  test("answers a probe as its port does", async () => {
    const [open, closed] = [await namedServer("x"), await closedPort()];
    cleanup.push(open.close);
    const url = admin({ probes: [open, closed].map(({ port }) => ({ port, timeoutMs: 1_000, agent: false })) });
    const statuses = await Promise.all(
      ["0", "1", "2", "x"].map(async (number) => (await fetch(`${url}/probe/${number}`)).status),
    );
    expect(statuses).toEqual([200, 503, 404, 404]);
  });

  test("shows the metrics", async () => {
    expect(await (await fetch(`${admin()}/metrics`)).text()).toBe("metrics\n");
  });
});

describe("formatMetrics()", () => {
  test("writes each counter with its help, and the feed's age once there is one", () => {
    const text = formatMetrics({ ...newCounters(), unknownSpace: 3 }, { ...GAUGES, feedAgeMs: 1500 });
    expect(text).toContain("# TYPE azds_proxy_unknown_space_total counter\nazds_proxy_unknown_space_total 3\n");
    expect(text).toEndWith("azds_proxy_feed_age_seconds 1.5\n");
    expect(formatMetrics(newCounters(), GAUGES)).not.toContain("feed_age");
  });

  test("writes what the process is like", () => {
    const text = formatMetrics(newCounters(), GAUGES);
    for (const line of ["resident_memory_bytes 4096", "open_connections 2", "worker_restarts_total 1", "redirected 0"])
      expect(text).toContain(`\nazds_proxy_${line}\n`);
    expect(text).toContain("# TYPE azds_proxy_open_connections gauge\n");
  });
});
