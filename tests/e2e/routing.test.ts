/** Which service a connection means, and where it goes: the cases of docs/routing.md, each on real Services. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { apply, enabledCluster, kubectlOk } from "./support/cluster.ts";
import { execIn, podReady } from "./support/pods.ts";
import { labelSpaces, removeSpaces } from "./support/spaces.ts";

const ROOT = "e2e-route";
const CHILD = "e2e-route-child";
const SPACES = { [ROOT]: "root", [CHILD]: ROOT };
const FOLDER = join(import.meta.dir, "../projects/routing");
const ROUTE_AS_CHILD = { "azds-route-as": CHILD };
const HTTP = { name: "http", port: 80, targetPort: 8080 };
/** Listened on by nobody. */
const DEAD = 4999;

interface Answer {
  /** `<space>:<port of the container>`. */
  readonly at?: string;
  readonly host?: string;
  readonly routeAs?: string;
  readonly mark?: string;
  readonly error?: string;
}

async function ask(url: string, headers: Readonly<Record<string, string>> = {}, from = "client"): Promise<Answer> {
  return JSON.parse(await execIn(ROOT, from, ["node", "ask.js", url, JSON.stringify(headers)])) as Answer;
}

/** Sidecars and kube-proxy follow a change after a moment, each in its own time. */
async function eventually(question: () => Promise<Answer>, at: string): Promise<Answer> {
  let answer = await question();
  for (let tries = 0; tries < 40 && answer.at !== at; tries += 1) {
    await Bun.sleep(250);
    answer = await question();
  }
  expect(answer.at).toBe(at);
  return answer;
}

/** In both spaces; `child` over `root` where they differ. */
function services(name: string, root: object, child: object = root): readonly object[] {
  return [service(ROOT, name, root), service(CHILD, name, child)];
}

function service(namespace: string, name: string, spec: object): object {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { selector: { app: "server" }, ...spec },
  };
}

function pinnedService(namespace: string, name: string): object {
  const metadata = { name, namespace, annotations: { "azds.io/no-route": "true" } };
  return { ...service(namespace, name, { ports: [HTTP] }), metadata };
}

function pod(namespace: string, name: string, annotations: object = {}): unknown {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: { app: name }, annotations },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: "app",
          image: "docker.io/library/node:20-alpine",
          imagePullPolicy: "IfNotPresent",
          workingDir: "/app",
          command: ["node", "server.js"],
          env: [
            { name: "SPACE", value: namespace },
            { name: "PORTS", value: "8080,8081,8082,8083" },
          ],
          volumeMounts: [{ name: "app", mountPath: "/app" }],
        },
      ],
      volumes: [{ name: "app", configMap: { name: "routing" } }],
    },
  };
}

function programs(namespace: string): unknown {
  const data = Object.fromEntries(
    ["server.js", "ask.js"].map((name) => [name, readFileSync(join(FOLDER, name), "utf8")]),
  );
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "routing", namespace }, data };
}

beforeAll(async () => {
  await enabledCluster();
  await labelSpaces(SPACES);
  const headless = { clusterIP: "None", ports: [{ name: "http", port: 8080 }] };
  await apply([
    ...[ROOT, CHILD].map(programs),
    ...services("plain", { ports: [HTTP] }),
    ...services("headless", headless),
    ...services("named", { ports: [HTTP] }, { ports: [{ name: "http", port: 8888, targetPort: 8081 }] }),
    ...services("numbered", { ports: [{ port: 80, targetPort: 8080 }] }, { ports: [{ port: 80, targetPort: 8081 }] }),
    ...services("other-port", { ports: [HTTP] }, { ports: [{ name: "admin", port: 8090, targetPort: 8081 }] }),
    ...services("refusing", { ports: [HTTP] }, { ports: [{ ...HTTP, targetPort: DEAD }] }),
    pinnedService(ROOT, "pinned"),
    service(CHILD, "pinned", { ports: [HTTP] }),
    ...services("opaque", { ports: [{ ...HTTP, appProtocol: "tcp" }] }),
    ...services("skipped", { ports: [{ ...HTTP, targetPort: 8082 }] }),
    ...services("silent", { ports: [{ port: 8083 }] }),
    ...services("both-one", { clusterIP: "None", ports: [{ name: "http", port: 8081 }] }),
    service(ROOT, "both-two", { clusterIP: "None", ports: [{ name: "http", port: 8081 }] }),
    externalName("outside", `plain.${ROOT}.svc.cluster.local`),
    pod(ROOT, "server", { "azds.io/skip-inbound-ports": "8082", "azds.io/opaque-ports": "8083" }),
    pod(CHILD, "server"),
    pod(ROOT, "client", { "azds.io/opaque-ports": "8083" }),
    pod(ROOT, "careless", { "azds.io/skip-outbound-ports": "80" }),
  ]);
  await Promise.all([podReady(ROOT, "server", "client", "careless"), podReady(CHILD, "server")]);
  await eventually(async () => ask("http://plain/", ROUTE_AS_CHILD), `${CHILD}:8080`);
}, 180_000);

afterAll(async () => removeSpaces(SPACES), 60_000);

function externalName(name: string, host: string): object {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: ROOT },
    spec: { type: "ExternalName", externalName: host },
  };
}

describe("a request with the header", () => {
  test.each([
    ["by its short name", "http://plain/", `${CHILD}:8080`],
    ["by its full name", `http://plain.${ROOT}.svc.cluster.local/`, `${CHILD}:8080`],
    ["to a headless service", "http://headless:8080/", `${CHILD}:8080`],
    ["to the port of the same name", "http://named/", `${CHILD}:8081`],
    ["to the port of the same number", "http://numbered/", `${CHILD}:8081`],
    ["through an ExternalName that leads to a service", "http://outside/", `${CHILD}:8080`],
  ] as const)("%s is answered by the child", async (_title, url, at) => {
    await eventually(async () => ask(url, ROUTE_AS_CHILD), at);
    await eventually(async () => ask(url), `${ROOT}:8080`);
  });

  test.each([
    ["whose child has no such port", "http://other-port/", `${ROOT}:8080`],
    ["whose child refuses", "http://refusing/", `${ROOT}:8080`],
    ["with `azds.io/no-route`", "http://pinned/", `${ROOT}:8080`],
    ["declared as plain TCP", "http://opaque/", `${ROOT}:8080`],
    ["whose port is opaque by annotation of both pods", "http://silent:8083/", `${ROOT}:8083`],
  ] as const)("to a service %s is answered by the root", async (_title, url, at) => {
    await eventually(async () => ask(url, ROUTE_AS_CHILD), at);
  });

  test("a skipped inbound port is still routed by the caller's sidecar", async () => {
    await eventually(async () => ask("http://skipped/", ROUTE_AS_CHILD), `${CHILD}:8082`);
  });

  test("a skipped outbound port is still routed by the server's sidecar, past which a skipped inbound port leads", async () => {
    await eventually(async () => ask("http://plain/", ROUTE_AS_CHILD, "careless"), `${CHILD}:8080`);
    await eventually(async () => ask("http://skipped/", ROUTE_AS_CHILD, "careless"), `${ROOT}:8082`);
  });

  test("of two headless services on one pod, the authority decides", async () => {
    await eventually(async () => ask("http://both-one:8081/", ROUTE_AS_CHILD), `${CHILD}:8081`);
    await eventually(async () => ask("http://both-two:8081/", ROUTE_AS_CHILD), `${ROOT}:8081`);
  });

  test("of no space is passed on as it is", async () => {
    const headers = { "azds-route-as": "nobody" };
    expect(await ask("http://plain/", headers)).toEqual({ at: `${ROOT}:8080`, host: "plain", routeAs: "nobody" });
  });
});

describe("a request without the header", () => {
  const host = `${CHILD}.s.${ROOT}.plain.azds.localhost`;

  test("whose host names the child gets the header, and no mark of ours", async () => {
    const answer = await ask("http://plain/", { host });
    expect(answer).toEqual({ at: `${CHILD}:8080`, host, routeAs: CHILD });
  });

  test("a header beside such a host is not overwritten", async () => {
    const answer = await ask("http://plain/", { host, "azds-route-as": ROOT });
    expect(answer).toEqual({ at: `${ROOT}:8080`, host, routeAs: ROOT });
  });

  test("to a full name outside the caller's chain is meant as it is", async () => {
    expect((await ask(`http://plain.${CHILD}/`)).at).toBe(`${CHILD}:8080`);
  });
});

test("an address that another service was given is that service's", async () => {
  await apply(services("older", { ports: [HTTP] }));
  await eventually(async () => ask("http://older/", ROUTE_AS_CHILD), `${CHILD}:8080`);
  const address = await kubectlOk(["-n", ROOT, "get", "service", "older", "-o", "jsonpath={.spec.clusterIP}"]);
  await kubectlOk(["-n", ROOT, "delete", "service", "older"]);
  const clusterIP = address.trim();
  await apply([service(ROOT, "newer", { clusterIP, ports: [{ ...HTTP, targetPort: 8081 }] })]);
  // The child has no `newer`, but still an `older`.
  await eventually(async () => ask(`http://${clusterIP}/`, ROUTE_AS_CHILD), `${ROOT}:8081`);
}, 60_000);
