/**
 * HTTPRoutes behind a Gateway of the user's own, which is Traefik's: clones for child spaces and what `azds route explain`
 * says, beside what becomes of real requests. `make prove-gateway` runs it, as Traefik takes minutes to build.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { dirname } from "node:path";
import { userKubeconfig } from "../cluster/cluster.ts";
import { apply, type Developer, developer, enabledCluster, kubectl, kubectlOk } from "./support/cluster.ts";
import { type Echo, parseEcho } from "./support/echo.ts";
import { type Asker, explained, explainedSteps, touched } from "./support/explained.ts";
import { deployEcho, eventuallyEqual } from "./support/gateway.ts";
import { labelSpaces, removeSpaces } from "./support/spaces.ts";
import {
  GATEWAY,
  GATEWAY_NAMESPACE,
  LISTENER_PORT,
  removeTraefik,
  startTraefik,
  type Traefik,
} from "./support/traefik.ts";

const PROVES = process.env["AZDS_PROVE"] === "gateway";
const SPACES = { shop: "root", "shop-child": "shop" } as const;
/** Of the root's services; the child has `web` alone. */
const WEB = "shop.web.example.test";
const API = "shop.api.example.test";
const CLOSED = "shop.closed.example.test";
const OTHER = "shop.web.other.test";
const CHILD = "shop-child.s.";
/** HTTPRoutes are not watched: the controller looks every 30 s. */
const CLONED_MS_MAX = 60_000;

const USER = "e2e-gateway-alice";

let admin: Developer;
let traefik: Traefik;

const asker = (): Asker => ({ developer: admin, space: "shop" });
const url = (host: string, path = "/", port = traefik.ports.web): string => `http://${host}:${port}${path}`;

async function get(host: string, path = "/"): Promise<Response> {
  const headers = { host, connection: "close" };
  return fetch(`http://127.0.0.1:${traefik.ports.web}${path}`, { headers, redirect: "manual" });
}

async function echo(host: string, path = "/"): Promise<Echo> {
  return parseEcho(await (await get(host, path)).text());
}

/** `<status> <who>` */
async function answer(host: string, path = "/"): Promise<string> {
  const response = await get(host, path);
  const text = await response.text();
  return response.status === 200 ? `200 ${parseEcho(text).from}` : String(response.status);
}

interface RoutePlan {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly sectionName: string;
  readonly rules: readonly object[];
}

function route({ name, hosts, sectionName, rules }: RoutePlan): object {
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name, namespace: "shop" },
    spec: { parentRefs: [{ name: GATEWAY, namespace: GATEWAY_NAMESPACE, sectionName }], hostnames: hosts, rules },
  };
}

function rule(service: string, path: string, filters: readonly object[] = []): object {
  const matches = [{ path: { type: "PathPrefix", value: path } }];
  return { matches, filters, backendRefs: [{ name: service, port: 80 }] };
}

const TAGGED = { type: "RequestHeaderModifier", requestHeaderModifier: { set: [{ name: "x-shop", value: "tagged" }] } };
const MOVED = { type: "URLRewrite", urlRewrite: { path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/new" } } };
const RENAMED = { type: "URLRewrite", urlRewrite: { hostname: "legacy.internal.test" } };
const REDIRECTED = { type: "RequestRedirect", requestRedirect: { hostname: API, statusCode: 302 } };

const ROUTES = [
  route({
    name: "web",
    hosts: [WEB],
    sectionName: "web",
    rules: [
      rule("web", "/", [TAGGED]),
      rule("web", "/old", [TAGGED, MOVED]),
      rule("web", "/renamed", [RENAMED]),
      { matches: [{ path: { type: "PathPrefix", value: "/away" } }], filters: [REDIRECTED] },
    ],
  }),
  route({ name: "api", hosts: [API], sectionName: "web", rules: [rule("api", "/")] }),
  route({ name: "closed", hosts: [CLOSED], sectionName: "own", rules: [rule("web", "/")] }),
  route({ name: "other", hosts: [OTHER], sectionName: "web", rules: [rule("web", "/")] }),
];

/** Gives the user a role in one namespace. */
function binding(namespace: string, role: { readonly kind: string; readonly name: string }): object {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name: USER, namespace },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: USER }],
    roleRef: { apiGroup: "rbac.authorization.k8s.io", ...role },
  };
}

async function condition(what: readonly string[], type: string): Promise<string> {
  const path = `jsonpath={.status.conditions[?(@.type=="${type}")].status}`;
  return (await kubectl(["get", ...what, "-o", path])).stdout;
}

async function cloneHost(name: string): Promise<string> {
  const clone = ["-n", "shop", "get", "httproute", `${name}-shop-child-azds`, "--ignore-not-found"];
  return (await kubectl([...clone, "-o", "jsonpath={.spec.hostnames[0]}"])).stdout;
}

describe.skipIf(!PROVES)("a Gateway of Traefik", () => {
  beforeAll(async () => {
    admin = await enabledCluster();
    await removeTraefik();
    await labelSpaces(SPACES);
    traefik = await startTraefik();
    await Promise.all([deployEcho("shop", "web"), deployEcho("shop", "api"), deployEcho("shop-child", "web")]);
    await apply(ROUTES);
  }, 1_200_000);

  afterAll(async () => {
    await removeSpaces(SPACES);
    await traefik?.[Symbol.asyncDispose]();
  }, 180_000);

  test("is accepted with its class, and serves the root's route", async () => {
    await eventuallyEqual(async () => condition(["gatewayclass", "traefik"], "Accepted"), "True");
    await eventuallyEqual(async () => condition(["-n", GATEWAY_NAMESPACE, "gateway", GATEWAY], "Programmed"), "True");
    await eventuallyEqual(async () => answer(WEB), "200 web.shop");
    await eventuallyEqual(async () => answer(API), "200 api.shop");
    expect((await echo(WEB)).headers["azds-route-as"]).toBeUndefined();
  }, 60_000);

  test("leads to the child by the clone's host, and to the parent's where the child has none", async () => {
    await eventuallyEqual(async () => cloneHost("web"), `${CHILD}${WEB}`, CLONED_MS_MAX);
    await eventuallyEqual(async () => cloneHost("api"), `${CHILD}${API}`, CLONED_MS_MAX);
    await eventuallyEqual(async () => answer(`${CHILD}${WEB}`), "200 web.shop-child");
    await eventuallyEqual(async () => answer(`${CHILD}${API}`), "200 api.shop");
    expect((await echo(`${CHILD}${API}`)).headers["azds-route-as"]).toBe("shop-child");
    expect(await answer(WEB)).toBe("200 web.shop");
  }, 120_000);

  test("keeps the filters of the original, for the child", async () => {
    const moved = await echo(`${CHILD}${WEB}`, "/old/list?a=1");
    expect([moved.from, moved.path, moved.headers["x-shop"]]).toEqual(["web.shop-child", "/new/list?a=1", "tagged"]);
    const renamed = await echo(`${CHILD}${WEB}`, "/renamed");
    expect([renamed.from, renamed.headers["host"]]).toEqual(["web.shop-child", "legacy.internal.test"]);
    expect((await echo(WEB, "/renamed")).from).toBe("web.shop");
    const away = await get(`${CHILD}${WEB}`, "/away");
    // Traefik leaves out the scheme.
    expect(new URL(away.headers.get("location") ?? "", url(WEB)).hostname).toBe(`${CHILD}${API}`);
  }, 30_000);

  test("is explained as it answers", async () => {
    const expected: Readonly<Record<string, readonly [string, string]>> = {
      [url(WEB)]: ["http-route here: web.shop", "200 web.shop"],
      [url(API)]: ["http-route here: api.shop", "200 api.shop"],
      [url(`${CHILD}${WEB}`)]: ["http-route nearer: web.shop-child", "200 web.shop-child"],
      [url(`${CHILD}${API}`)]: ["http-route here: api.shop", "200 api.shop"],
      [url(`${CHILD}${WEB}`, "/old/x")]: ["http-route nearer: web.shop-child", "200 web.shop-child"],
      [url(`${CHILD}${WEB}`, "/renamed")]: ["http-route nearer: web.shop-child", "200 web.shop-child"],
    };
    for (const [asked, [dry, live]] of Object.entries(expected)) {
      await eventuallyEqual(async () => explained(asker(), asked), dry);
      await eventuallyEqual(async () => touched(asker(), asked), live);
    }
    expect(await explainedSteps(asker(), url(`${CHILD}${WEB}`), "listener")).toBe(
      `\`web\` of Gateway ${GATEWAY_NAMESPACE}/${GATEWAY}: it takes HTTP on port ${LISTENER_PORT.web} for \`*.example.test\`; port ${traefik.ports.web} has to lead to it`,
    );
    expect(await explainedSteps(asker(), url(`${CHILD}${WEB}`, "/away"), "answer")).toStartWith(
      `302 to \`http://${CHILD}${API}`,
    );
  }, 120_000);

  test("refuses what no listener takes, as explained", async () => {
    expect(await answer(CLOSED)).toBe("404");
    const own = `not \`own\` of Gateway ${GATEWAY_NAMESPACE}/${GATEWAY}`;
    const closed = await explainedSteps(asker(), url(CLOSED, "/", LISTENER_PORT.own), "listener");
    expect(closed).toBe(`${own}: it lets routes of namespace \`${GATEWAY_NAMESPACE}\` in alone`);
    expect(await answer(OTHER)).toBe("404");
    expect(await explainedSteps(asker(), url(OTHER), "listener")).toBe(
      `not \`web\` of Gateway ${GATEWAY_NAMESPACE}/${GATEWAY}: its host \`*.example.test\` is another`,
    );
    expect(await explained(asker(), url(OTHER))).toBe("http-route here: ");
    const parents = "jsonpath={.status.parents[0].conditions[?(@.type=='Accepted')].reason}";
    const reason = async (name: string): Promise<string> =>
      kubectlOk(["-n", "shop", "get", "httproute", name, "-o", parents]);
    expect([await reason("closed"), await reason("other")]).toEqual([
      "NotAllowedByListeners",
      "NoMatchingListenerHostname",
    ]);
  }, 60_000);

  test("is taken for granted by whoever may not read it, and said so", async () => {
    await apply([binding("shop", { kind: "ClusterRole", name: "azds-developer" })]);
    const alice = developer(await userKubeconfig(dirname(admin.kubeconfig), USER));
    const theirs: Asker = { developer: alice, space: "shop" };
    const listener = async (): Promise<string> => explainedSteps(theirs, url(WEB), "listener");
    const key = `${GATEWAY_NAMESPACE}/${GATEWAY}`;
    await eventuallyEqual(listener, `not known: Gateway \`${key}\` may not be read: it is taken for granted`);
    expect(await explained(theirs, url(WEB))).toBe("http-route here: web.shop");
    const rules = [{ apiGroups: ["gateway.networking.k8s.io"], resources: ["gateways"], verbs: ["get"] }];
    const metadata = { name: "reader", namespace: GATEWAY_NAMESPACE };
    await apply([
      { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata, rules },
      binding(GATEWAY_NAMESPACE, { kind: "Role", name: "reader" }),
    ]);
    await eventuallyEqual(listener, await explainedSteps(asker(), url(WEB), "listener"));
  }, 60_000);

  test("has no clone left once the child is gone", async () => {
    await kubectlOk(["delete", "namespace", "shop-child", "--wait=false"]);
    await eventuallyEqual(async () => cloneHost("web"), "", CLONED_MS_MAX);
    await eventuallyEqual(async () => answer(`${CHILD}${WEB}`), "404");
    expect(await answer(WEB)).toBe("200 web.shop");
  }, 120_000);
});
