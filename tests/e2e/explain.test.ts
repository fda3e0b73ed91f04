/** What `azds route explain` says of requests, beside what becomes of real ones. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { asArray, asString, at } from "../../core/parse.ts";
import { jsonLines } from "../support/json-lines.ts";
import { deployLinks, type Link, scaleLink } from "./support/chain.ts";
import { apply, type Developer, enabledCluster } from "./support/cluster.ts";
import { execIn } from "./support/pods.ts";
import { labelSpaces, removeSpaces } from "./support/spaces.ts";

const ROOT = "e2e-explain";
const CHILD = "e2e-explain-child";
const SPACES = { [ROOT]: "root", [CHILD]: ROOT };
const AS_CHILD = `azds-route-as:${CHILD}`;
const CHILDS_B: Link = { space: CHILD, service: "b", next: "c" };

let owner: Developer;

beforeAll(async () => {
  owner = await enabledCluster();
  await labelSpaces(SPACES);
  await deployLinks([
    { space: ROOT, service: "a", next: "b" },
    { space: ROOT, service: "b", next: "c" },
    { space: ROOT, service: "c" },
    CHILDS_B,
  ]);
  await apply([pinned(ROOT, "c"), pinned(CHILD, "b")]);
}, 120_000);

afterAll(async () => removeSpaces(SPACES), 60_000);

function pinned(namespace: string, app: string): object {
  const annotations = { "azds.io/no-route": "true" };
  const spec = { selector: { app }, ports: [{ name: "http", port: 80, targetPort: 8080 }] };
  return { apiVersion: "v1", kind: "Service", metadata: { name: "pinned", namespace, annotations }, spec };
}

async function explained(args: readonly string[]): Promise<(name: string) => unknown> {
  const { code, stdout } = await owner.azds(["route", "explain", ...args, "-o", "json"]);
  const lines = jsonLines(stdout);
  if (code !== 0) return () => lines.at(-1);
  return (name) => lines.find((line) => line["name"] === name)?.["data"];
}

type Asked = Omit<Case, "answer">;

/** `<service>.<space> <reason>` of the pods that it ends with. */
async function dry({ from = ROOT, url, header }: Asked): Promise<string> {
  const result = await explained([url, "-n", from, ...(header === undefined ? [] : ["-H", header])]);
  const pods = asArray(result("pods")).map((pod) => `${appOf(at(pod, "name"))}.${asString(at(pod, "namespace"))}`);
  return `${pods.join(" ")} ${asString(at(result("route"), "reason"))}`;
}

function appOf(pod: unknown): string {
  return asString(pod)?.split("-")[0] ?? "";
}

const ASK = `const [url, fields] = process.argv.slice(1);
fetch(url, { headers: JSON.parse(fields) }).then(async (r) => console.log((await r.json())[0]), (e) => console.log(e.cause?.code ?? e.message));`;

/** `<service>.<space>` that answers a request from a pod of `space`. */
async function real({ from = ROOT, url, header }: Asked): Promise<string> {
  const [name, value] = header?.split(":") ?? [];
  const pod = from === ROOT ? "deployment/a" : "deployment/b";
  const fields = name === undefined ? {} : { [name]: value };
  return (await execIn(from, pod, ["node", "-e", ASK, url, JSON.stringify(fields)])).trim();
}

/** Sidecars and kube-proxy follow a change after a moment, each in its own time. */
async function eventually(question: () => Promise<unknown>, answer: unknown): Promise<void> {
  let found = await question();
  for (let tries = 0; tries < 40 && JSON.stringify(found) !== JSON.stringify(answer); tries += 1) {
    await Bun.sleep(250);
    found = await question();
  }
  expect(found).toEqual(answer);
}

interface Case {
  readonly from?: string;
  readonly url: string;
  readonly header?: string;
  /** `<service>.<space>`, then the reason. */
  readonly answer: string;
}

const CASES: Readonly<Record<string, Case>> = {
  "that a child overrides": { url: "http://b", header: AS_CHILD, answer: `b.${CHILD} space` },
  "that a child inherits": { url: "http://c", header: AS_CHILD, answer: `c.${ROOT} space` },
  "without a header": { url: "http://b", answer: `b.${ROOT} own-space` },
  "by its full name": {
    url: `http://b.${ROOT}.svc.cluster.local:80`,
    header: AS_CHILD,
    answer: `b.${CHILD} space`,
  },
  "to a Service that says no-route": { url: "http://pinned", header: AS_CHILD, answer: `c.${ROOT} pinned` },
  "with a header of no space": { url: "http://b", header: "azds-route-as:nobody", answer: `b.${ROOT} own-space` },
  "with baggage": { url: "http://b", header: `baggage:azds-route-as=${CHILD}`, answer: `b.${CHILD} space` },
  "of a pod of the child": { from: CHILD, url: "http://a", answer: `a.${ROOT} own-space` },
  "of a pod of the child, by the parent's name": {
    from: CHILD,
    url: `http://b.${ROOT}`,
    answer: `b.${ROOT} own-space`,
  },
};

describe("azds route explain says what becomes of a request", () => {
  test.each(Object.entries(CASES))(
    "%s",
    async (_title, { answer, ...asked }) => {
      await eventually(async () => real(asked), answer.split(" ")[0]);
      await eventually(async () => dry(asked), answer);
    },
    30_000,
  );

  test("once the child's pods are gone", async () => {
    await scaleLink(CHILDS_B, 0);
    const asked = { url: "http://b", header: AS_CHILD };
    await eventually(async () => real(asked), `b.${ROOT}`);
    await eventually(async () => dry(asked), `b.${ROOT} space`);
    const result = await explained(["b", "-n", ROOT, "-H", AS_CHILD]);
    const steps = asArray(at(result("route"), "steps"));
    expect(steps).toContainEqual({
      step: "search",
      what: `not \`${CHILD}\``,
      why: "its Service has no ready pod: it has no pod at all",
    });
    await scaleLink(CHILDS_B, 1);
  }, 60_000);

  test("and refuses what exists nowhere", async () => {
    const failed = await explained(["wrong", "-n", ROOT]);
    expect(failed("")).toMatchObject({ type: "failed", code: "SERVICE_NOT_FOUND" });
    expect(asString(at(failed(""), "message"))).toContain("there are `a`, `b`, `c`, `pinned`");
    const forward = await explained(["http://localhost:8090/"]);
    expect(forward("")).toMatchObject({ type: "failed", code: "NOT_ROUTED" });
  });
});

describe("azds route explain --live shows what a request touched", () => {
  interface Seen {
    readonly service: string | undefined;
    readonly pod: string;
    readonly status: unknown;
    readonly calls: readonly Seen[];
  }

  function seen(call: unknown): Seen {
    return {
      service: asString(at(call, "service")),
      pod: `${appOf(asString(at(call, "pod"))?.split("/")[1])}.${asString(at(call, "pod"))?.split("/")[0]}`,
      status: at(call, "status"),
      calls: asArray(at(call, "calls")).map(seen),
    };
  }

  const chain = (b: string): readonly Seen[] => {
    const link = (service: string, space: string, calls: readonly Seen[]): Seen => {
      return { service: `${space}/${service}`, pod: `${service}.${space}`, status: 200, calls };
    };
    return [link("a", ROOT, [link("b", b, [link("c", ROOT, [])])])];
  };

  test.each([
    ["of a pod in the name of the child", ["a", "-n", ROOT, "-H", AS_CHILD], CHILD],
    ["of a pod without a header", ["a", "-n", ROOT], ROOT],
    ["from outside by the child's host", [`http://${CHILD}.s.${ROOT}.a.azds.localhost/`], CHILD],
  ] as const)(
    "%s",
    async (_title, args, b) => {
      await eventually(
        async () => asArray(at((await explained([...args, "--live"]))("live"), "calls")).map(seen),
        chain(b),
      );
    },
    30_000,
  );
});
