/** Entry from outside: requests to the gateway's Service from this machine, and Ingresses of spaces. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect as connectTls } from "node:tls";
import { connect } from "node:net";
import {
  apply,
  enabledCluster,
  kubectl,
  kubectlOk,
  startCommand,
  type Developer,
  type RunningCommand,
} from "./support/cluster.ts";
import {
  servingPod,
  deployEcho,
  eventuallyEqual,
  gatewayCertificate,
  GATEWAY_API,
  GATEWAY_API_NAMES,
  ingress,
  kubectlCommand,
  ownGateway,
  route,
} from "./support/gateway.ts";
import { type Echo, parseEcho } from "./support/echo.ts";
import { explained as explainedOf, touched as touchedOf } from "./support/explained.ts";
import { type OwnIngress, startOwnIngress } from "./support/own-ingress.ts";
import { labelSpaces, removeSpaces } from "./support/spaces.ts";

const SPACES = { entry: "root", "entry-child": "entry" } as const;
const SUFFIX = ".gw.test";

let admin: Developer;
let forward: RunningCommand;
let http = 0;
let https = 0;
let ownIngress: OwnIngress | undefined;

async function enable(...args: readonly string[]): Promise<string> {
  const done = await admin.azds(["cluster", "enable", "--space", "dev", "--yes", ...args]);
  if (done.code !== 0) throw new Error(`azds cluster enable: ${done.stdout}${done.stderr}`);
  return `${done.stdout}${done.stderr}`;
}

/** A new forward, as the old one led to a pod that is gone. */
async function reach(): Promise<void> {
  await forward?.stop();
  const argv = kubectlCommand(["-n", "azds", "port-forward", await servingPod(), ":19447", ":19448"]);
  forward = startCommand(argv, { env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/" } });
  const said = await forward.until(/127\.0\.0\.1:\d+ -> 19448/);
  http = Number(/127\.0\.0\.1:(?<port>\d+) -> 19447/.exec(said)?.groups?.["port"]);
  https = Number(/127\.0\.0\.1:(?<port>\d+) -> 19448/.exec(said)?.groups?.["port"]);
}

async function get(host: string, path = "/", headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${http}${path}`, { headers: { host, connection: "close", ...headers } });
}

async function echo(host: string, path = "/", headers: Readonly<Record<string, string>> = {}): Promise<Echo> {
  return parseEcho(await (await get(host, path, headers)).text());
}

const from = async (host: string, path = "/", headers = {}): Promise<string> => (await echo(host, path, headers)).from;

const explained = async (url: string): Promise<string> => explainedOf({ developer: admin, space: "entry" }, url);
const touched = async (url: string): Promise<string> => touchedOf({ developer: admin, space: "entry" }, url);

function secondService(namespace: string): object {
  const spec = { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: 8080 }] };
  return { apiVersion: "v1", kind: "Service", metadata: { name: "second", namespace }, spec };
}

beforeAll(async () => {
  admin = await enabledCluster();
  await kubectl(["-n", "azds", "delete", "secret", "gateway-cert", "--ignore-not-found"]);
  await labelSpaces(SPACES);
  await Promise.all([
    enable("--endpoint", "public", "--host-suffix", `*${SUFFIX}`),
    deployEcho("entry", "web"),
    deployEcho("entry", "api"),
  ]);
  const nothing = { status: { loadBalancer: { ingress: null } } };
  await patchStatus(nothing);
  await reach();
}, 180_000);

async function patchStatus(status: object): Promise<void> {
  const how = ["--subresource=status", "--type=merge", "-p", JSON.stringify(status)];
  await kubectlOk(["-n", "azds", "patch", "service", "azds-gateway", ...how]);
}

afterAll(async () => {
  await forward?.stop();
  await ownIngress?.stop();
  await removeSpaces(SPACES);
  await kubectl(["delete", "customresourcedefinition", ...GATEWAY_API_NAMES, "--ignore-not-found"]);
  await enable(
    "--endpoint",
    "none",
    "--host-suffix",
    ".azds.localhost",
    "--tls-secret",
    "",
    "--trust-external-header=false",
  );
}, 120_000);

describe("the gateway", () => {
  test("routes by host, to the child where it has the service, and says who came how", async () => {
    await eventuallyEqual(async () => from(`entry.web${SUFFIX}`), "web.entry");
    const inherited = await echo(`entry-child.s.entry.web${SUFFIX}`);
    expect(inherited.from).toBe("web.entry");
    expect(inherited.headers["azds-route-as"]).toBe("entry-child");
    expect(inherited.headers["azds-routed-to"]).toBeUndefined();
    expect(inherited.headers["x-forwarded-proto"]).toBe("http");
    await deployEcho("entry-child", "web");
    await eventuallyEqual(async () => from(`entry-child.s.entry.web${SUFFIX}`), "web.entry-child");
    expect(await from(`entry.web${SUFFIX}`)).toBe("web.entry");
    await eventuallyEqual(
      async () => explained(`http://entry-child.s.entry.web${SUFFIX}/`),
      "gateway space: web.entry-child",
    );
    expect(await explained(`http://entry-child.s.entry.api${SUFFIX}/`)).toBe("gateway space: api.entry");
    expect(await explained(`https://entry.web${SUFFIX}/`)).toBe("gateway space: web.entry");
  }, 60_000);

  test("is shown by --live which pods a request through it touches", async () => {
    const asked = async (host: string): Promise<string> => touched(`http://${host}${SUFFIX}:${http}/`);
    await eventuallyEqual(async () => asked("entry-child.s.entry.web"), "200 web.entry-child");
    await eventuallyEqual(async () => asked("entry-child.s.entry.api"), "200 api.entry");
    await eventuallyEqual(async () => asked("entry.web"), "200 web.entry");
  }, 60_000);

  test("drops an outside route header and answers unknown hosts with those that are known", async () => {
    const spoofed = await echo(`entry.web${SUFFIX}`, "/", { "azds-route-as": "entry-child", "azds-routed-to": "x/y" });
    expect(spoofed.from).toBe("web.entry");
    expect(spoofed.headers["azds-route-as"]).toBeUndefined();
    const text = await get(`nobody.home${SUFFIX}`);
    expect(text.status).toBe(404);
    expect(await text.text()).toContain(`http://entry.web${SUFFIX}/`);
    const page = await get("<b>", "/", { accept: "text/html" });
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(await page.text()).toContain(`<a href="http://entry-child.s.entry.web${SUFFIX}/">`);
  });

  test("passes WebSocket", async () => {
    const socket = connect(http, "127.0.0.1");
    socket.write(
      `GET /ws HTTP/1.1\r\nHost: entry.web${SUFFIX}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\nping`,
    );
    let seen = "";
    for await (const bytes of socket) {
      seen += String(bytes);
      if (seen.endsWith("ping")) break;
    }
    expect(seen).toStartWith("HTTP/1.1 101");
  });

  test("URLs are pending until the Service has an address, then available", async () => {
    const pending = await admin.azds(["list-uris", "--all"]);
    expect(pending.stdout).toMatch(new RegExp(`http://entry\\.web\\${SUFFIX}/\\s+Pending`));
    expect(pending.stderr).toContain("has no address");
    await patchStatus({ status: { loadBalancer: { ingress: [{ ip: "203.0.113.7" }] } } });
    const available = await admin.azds(["list-uris", "--all"]);
    expect(available.stdout).toMatch(new RegExp(`http://entry\\.web\\${SUFFIX}/\\s+Available`));
    const state = await admin.azds(["cluster", "status"]);
    expect(`${state.stdout}${state.stderr}`).toContain("Gateway: 203.0.113.7");
  }, 30_000);

  test("serves Ingresses of class traefik-azds, with their certificate, and fills in their address", async () => {
    const { secret, authority } = await gatewayCertificate("entry", "shop-tls", "entry.shop.example.test");
    const paths = [
      { path: "/", pathType: "Prefix", service: "web" },
      { path: "/api", pathType: "Prefix", service: "api" },
      { path: "/exact", pathType: "Exact", service: "api" },
    ];
    await apply([
      secret,
      ingress({ name: "shop", className: "traefik-azds", host: "entry.shop.example.test", paths, tls: "shop-tls" }),
    ]);
    const host = "entry.shop.example.test";
    await eventuallyEqual(async () => from(host, "/api/x"), "api.entry");
    expect(await from(host, "/apix")).toBe("web.entry");
    expect(await from(host, "/exact")).toBe("api.entry");
    expect(await from(host, "/exact/not")).toBe("web.entry");
    expect(await from(`entry-child.s.${host}`)).toBe("web.entry-child");
    expect(await explained(`http://${host}/api/x`)).toBe("gateway space: api.entry");
    expect(await explained(`http://${host}/apix`)).toBe("gateway space: web.entry");
    expect(await explained(`https://entry-child.s.${host}/`)).toBe("gateway space: web.entry-child");
    const trusted = await fetch(`https://127.0.0.1:${https}/`, {
      headers: { host, connection: "close" },
      tls: { ca: authority, serverName: host },
    } as RequestInit);
    expect(parseEcho(await trusted.text()).headers["x-forwarded-proto"]).toBe("https");
    const address = ["-n", "entry", "get", "ingress", "shop", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"];
    await eventuallyEqual(async () => kubectlOk(address), "203.0.113.7");
  }, 60_000);

  test("clones Ingresses of other classes for the child, follows changes, and takes the clone away", async () => {
    const plan = (paths: string) => ({
      name: "own",
      className: "nginx",
      host: "entry.own.example.test",
      paths: [{ path: paths, pathType: "Prefix", service: "web" }],
    });
    const clone = ["-n", "entry", "get", "ingress", "own-entry-child-azds", "-o"];
    const seen = async () =>
      (await kubectl([...clone, "jsonpath={.spec.rules[0].host}{.spec.rules[0].http.paths[0].path}"])).stdout;
    await apply([ingress(plan("/"))]);
    await eventuallyEqual(seen, "entry-child.s.entry.own.example.test/");
    expect(await explained("http://entry-child.s.entry.own.example.test/")).toBe("ingress nearer: web.entry-child");
    expect(await explained("http://entry.own.example.test/")).toBe("ingress here: web.entry");
    await apply([ingress(plan("/v2"))]);
    await eventuallyEqual(seen, "entry-child.s.entry.own.example.test/v2");
    await kubectlOk(["label", "namespace", "entry-child", "azds.io/parent-space-", "--overwrite"]);
    await eventuallyEqual(seen, "");
    await kubectlOk(["label", "namespace", "entry-child", "azds.io/parent-space=entry", "--overwrite"]);
    await eventuallyEqual(seen, "entry-child.s.entry.own.example.test/v2");
    await kubectlOk(["-n", "entry", "delete", "ingress", "own"]);
    await eventuallyEqual(seen, "");
  }, 60_000);

  test("an ingress controller of one's own leads to the child, as explained and as --live shows", async () => {
    const host = "entry.web.example.test";
    const paths = [{ path: "/", pathType: "Prefix", service: "web" }];
    await apply([ingress({ name: "nginx", className: "nginx", host, paths })]);
    const clone = ["-n", "entry", "get", "ingress", "nginx-entry-child-azds", "-o", "jsonpath={.spec.rules[0].host}"];
    await eventuallyEqual(async () => (await kubectl(clone)).stdout, `entry-child.s.${host}`);
    const ip = await kubectlOk(["-n", "entry", "get", "service", "web", "-o", "jsonpath={.spec.clusterIP}"]);
    ownIngress = await startOwnIngress(ip);
    const url = (of: string): string => `http://${of}:${ownIngress?.port}/`;
    expect(await explained(url(`entry-child.s.${host}`))).toBe("ingress nearer: web.entry-child");
    await eventuallyEqual(async () => touched(url(`entry-child.s.${host}`)), "200 web.entry-child");
    expect(await explained(url(host))).toBe("ingress here: web.entry");
    await eventuallyEqual(async () => touched(url(host)), "200 web.entry");
    // A second Service of the same pods: from now on the host must say which of the two is meant.
    await apply([secondService("entry"), secondService("entry-child")]);
    const second = "entry-child.s.entry.second.example.test";
    await apply([
      ingress({
        name: "second",
        className: "nginx",
        host: second,
        paths: [{ path: "/", pathType: "Prefix", service: "second" }],
      }),
    ]);
    await eventuallyEqual(async () => explained(url(second)), "ingress nearer: web.entry-child");
    await eventuallyEqual(async () => touched(url(second)), "200 web.entry-child");
    await eventuallyEqual(async () => touched(url(`entry-child.s.${host}`)), "200 web.entry-child");
    await kubectlOk(["-n", "entry", "delete", "service,ingress", "second"]);
  }, 120_000);

  test("clones HTTPRoutes where the Gateway API is there", async () => {
    await apply(GATEWAY_API);
    await kubectlOk(["wait", "--for=condition=Established", "crd", ...GATEWAY_API_NAMES, "--timeout=30s"]);
    await apply([ownGateway("*.own.example.test"), route("entry.own.example.test")]);
    // Routes are not watched, as their kind may not exist: the leader looks when something else changes.
    await apply([ingress({ name: "bell", className: "nginx", host: "ring.example.test", paths: [] })]);
    const clone = ["-n", "entry", "get", "httproutes", "own-entry-child-azds", "-o", "jsonpath={.spec.hostnames[0]}"];
    await eventuallyEqual(async () => (await kubectl(clone)).stdout, "entry-child.s.entry.own.example.test");
    const explainedBoth = async (): Promise<string> =>
      `${await explained("http://entry-child.s.entry.own.example.test/")}, ${await explained("http://entry.own.example.test/")}`;
    await eventuallyEqual(explainedBoth, "http-route nearer: web.entry-child, http-route here: web.entry");
    await apply([ownGateway("elsewhere.example.test")]);
    await eventuallyEqual(explainedBoth, "http-route here: , http-route here: ");
  }, 60_000);

  test("refuses what cannot be meant, and changes nothing", async () => {
    const refused = async (...args: readonly string[]): Promise<string> => {
      const done = await admin.azds(["cluster", "enable", "--space", "dev", "--yes", ...args]);
      return `${done.code} ${done.stderr}`;
    };
    expect(await refused("--endpoint", "sideways")).toMatch(/^2 [^]*endpoint/);
    expect(await refused("--host-suffix", "a*b")).toMatch(/^2 [^]*`\*` may stand only at its beginning/);
    expect(await refused("--tls-secret", "absent")).toMatch(/^1 [^]*`absent` in namespace `azds` does not exist/);
  }, 30_000);

  test("serves TLS with the named Secret, follows a new one, and trusts the header when told to", async () => {
    const host = `entry.web${SUFFIX}`;
    const first = await gatewayCertificate("azds", "gateway-cert", host);
    await apply([first.secret]);
    await enable("--tls-secret", "gateway-cert", "--trust-external-header", "--endpoint", "private");
    await reach();
    await eventuallyEqual(async () => issuerSeen(host), first.fingerprint);
    await eventuallyEqual(async () => from(host, "/", { "azds-route-as": "entry-child" }), "web.entry-child");
    expect((await echo(host, "/", { "azds-routed-to": "x/y" })).headers["azds-routed-to"]).toBeUndefined();
    const annotation = "jsonpath={.metadata.annotations.service\\.beta\\.kubernetes\\.io/azure-load-balancer-internal}";
    expect(await kubectlOk(["-n", "azds", "get", "service", "azds-gateway", "-o", annotation])).toBe("true");
    const second = await gatewayCertificate("azds", "gateway-cert", host);
    await apply([second.secret]);
    // The kubelet looks at a pod's volumes at once when the pod changes.
    await kubectlOk([
      "-n",
      "azds",
      "annotate",
      "pods",
      "-l",
      "app.kubernetes.io/component=gateway",
      "touched=1",
      "--overwrite",
    ]);
    await eventuallyEqual(async () => issuerSeen(host), second.fingerprint, 90_000);
  }, 180_000);
});

async function issuerSeen(host: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTls({ host: "127.0.0.1", port: https, servername: host, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.on("error", (error) => resolve(String(error)));
  });
}
