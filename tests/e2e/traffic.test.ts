/**
 * Services and spaces come, change and go, and the controllers that tell of it end, while requests flow: none fails, and
 * none is answered by a space later than `FOLLOW_MS` after its end. `make prove-soak` does it for half an hour, with more
 * requests, and looks at memory and open files of the sidecars.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { PARENT_LABEL, SPACE_LABEL, SYSTEM_NAMESPACE } from "../../core/contract.ts";
import { apply, enabledCluster, kubectlOk } from "./support/cluster.ts";
import { labelSpaces, removeSpaces } from "./support/spaces.ts";
import {
  deployTrafficClient,
  readUsage,
  rolledOut,
  type Second,
  startTraffic,
  type Usage,
  webObjects,
  webService,
} from "./support/traffic.ts";

const ROOT = "e2e-traffic";
const CHILD = "e2e-traffic-child";
/** Comes and goes. */
const GRANDCHILD = "e2e-traffic-grand";
const SPACES = { [ROOT]: "root", [CHILD]: ROOT };

const IS_SOAK = process.env["AZDS_PROVE"] === "soak";
const SOAK_MS = Number(process.env["AZDS_SOAK_MINUTES"] ?? "30") * 60_000;
const REQUESTS_PER_SECOND = Number(process.env["AZDS_SOAK_RATE"] ?? (IS_SOAK ? "1000" : "200"));
/** Until all sidecars route by a change that the API server has accepted. */
const FOLLOW_MS = 3000;
/** Whole seconds of traffic between two changes. */
const STEADY_MS = 2000;
/** Memory that a sidecar may have won from the first round to the last; its collector is in no hurry. */
const GROWN_BYTES_MAX = 12_000_000;
const GROWN_FILES_MAX = 16;

interface Change {
  readonly what: string;
  readonly apply: () => Promise<void>;
  /** Who answers requests sent as child and as grandchild when sidecars have followed. */
  readonly child: string;
  readonly grandchild: string;
}

const CHANGES: readonly Change[] = [
  {
    what: "the child gets the service",
    apply: async () => {
      await apply(webObjects(CHILD, 1));
      await rolledOut(CHILD);
    },
    child: CHILD,
    // Its header names no space yet.
    grandchild: ROOT,
  },
  {
    what: "the root's pods are replaced",
    apply: async () => {
      await kubectlOk(["-n", ROOT, "rollout", "restart", "deployment", "web"]);
      await rolledOut(ROOT);
    },
    child: CHILD,
    grandchild: ROOT,
  },
  {
    what: "a grandchild is made, with the service",
    apply: async () => {
      const labels = { [SPACE_LABEL]: "true", [PARENT_LABEL]: CHILD };
      await apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: GRANDCHILD, labels } }]);
      await kubectlOk(["-n", GRANDCHILD, "wait", "--for=create", "serviceaccount/default", "--timeout=20s"]);
      await apply(webObjects(GRANDCHILD, 1));
      await rolledOut(GRANDCHILD);
    },
    child: CHILD,
    grandchild: GRANDCHILD,
  },
  {
    what: "the child loses the Service, and keeps its pods",
    apply: async () => void (await kubectlOk(["-n", CHILD, "delete", "service", "web"])),
    child: ROOT,
    grandchild: GRANDCHILD,
  },
  {
    what: "the controllers end, and come back",
    apply: async () => {
      const controllers = ["-n", SYSTEM_NAMESPACE, "delete", "pods", "-l", "app.kubernetes.io/component=controller"];
      await kubectlOk([...controllers, "--grace-period=1", "--timeout=30s"]);
      await kubectlOk(["-n", SYSTEM_NAMESPACE, "rollout", "status", "deployment", "azds-controller", "--timeout=60s"]);
    },
    child: ROOT,
    grandchild: GRANDCHILD,
  },
  {
    what: "the child gets the Service back",
    apply: async () => apply([webService(CHILD)]),
    child: CHILD,
    grandchild: GRANDCHILD,
  },
  {
    what: "the grandchild is deleted",
    apply: async () => void (await kubectlOk(["delete", "namespace", GRANDCHILD, "--wait=false"])),
    child: CHILD,
    // Its header names no space any more.
    grandchild: ROOT,
  },
  {
    what: "the child loses its pods",
    apply: async () => {
      await kubectlOk(["-n", CHILD, "scale", "deployment", "web", "--replicas=0"]);
      await kubectlOk(["wait", "--for=delete", `namespace/${GRANDCHILD}`, "--timeout=90s"]);
    },
    child: ROOT,
    grandchild: ROOT,
  },
];

/** What was true from `from` to `to`, in ms since 1970. */
interface Span {
  readonly change: Change;
  readonly from: number;
  readonly to: number;
}

beforeAll(async () => {
  await enabledCluster();
  await labelSpaces({ ...SPACES, [GRANDCHILD]: "none" });
  await kubectlOk(["delete", "namespace", GRANDCHILD, "--timeout=60s"]);
  await apply(webObjects(ROOT, 2));
  await rolledOut(ROOT);
  await deployTrafficClient(ROOT);
}, 240_000);

afterAll(async () => removeSpaces({ ...SPACES, [GRANDCHILD]: CHILD }), 60_000);

test(
  IS_SOAK ? "half an hour of traffic and changes" : "requests flow through every change",
  async () => {
    const secondsMax = (IS_SOAK ? SOAK_MS : 0) / 1000 + 300;
    const spaces = [CHILD, GRANDCHILD];
    const traffic = await startTraffic({ space: ROOT, spaces, requestsPerSecond: REQUESTS_PER_SECOND, secondsMax });
    const spans: Span[] = [];
    const usages: Usage[] = [];
    const deadline = Date.now() + (IS_SOAK ? SOAK_MS : 0);
    do {
      for (const change of CHANGES) spans.push(await made(change));
      usages.push(await readUsage(ROOT, "client"));
    } while (Date.now() < deadline);
    const seconds = await traffic.end();
    if (IS_SOAK) tell(seconds, usages);
    expect(seconds.flatMap(({ failures }) => failures)).toEqual([]);
    expect(seconds.some(({ answers }) => (answers["- tcp"] ?? 0) > 0)).toBe(true);
    expect(spans.flatMap((span) => wrongAnswers(span, seconds))).toEqual([]);
    if (IS_SOAK) expectFlat(usages);
  },
  (IS_SOAK ? SOAK_MS : 0) + 240_000,
);

async function made(change: Change): Promise<Span> {
  await change.apply();
  const from = Date.now() + FOLLOW_MS;
  await Bun.sleep(FOLLOW_MS + STEADY_MS);
  return { change, from, to: Date.now() };
}

/** Answers of whole seconds within the span by somebody else, and spans in which nothing was seen. */
function wrongAnswers({ change, from, to }: Span, seconds: readonly Second[]): readonly string[] {
  const within = seconds.filter(({ at }) => at >= from && at + 1000 <= to);
  const allowed = new Set([`- ${ROOT}`, "- tcp", `${CHILD} ${change.child}`, `${GRANDCHILD} ${change.grandchild}`]);
  if (within.length === 0) return [`${change.what}: no second of it was seen`];
  return within.flatMap(({ answers }) =>
    Object.keys(answers).flatMap((key) => (allowed.has(key) ? [] : [`${change.what}: ${answers[key]} × ${key}`])),
  );
}

/** The first round warms the sidecars up. */
function expectFlat(usages: readonly Usage[]): void {
  const [, first] = usages;
  const last = usages.at(-1);
  if (first === undefined || last === undefined) throw new Error("The soak has no two rounds");
  expect(last.residentBytes - first.residentBytes).toBeLessThan(GROWN_BYTES_MAX);
  expect(last.openFiles - first.openFiles).toBeLessThan(GROWN_FILES_MAX);
  expect(last.workerRestarts).toBe(first.workerRestarts);
}

function tell(seconds: readonly Second[], usages: readonly Usage[]): void {
  const requests = seconds.flatMap(({ answers }) => Object.values(answers)).reduce((sum, count) => sum + count, 0);
  const failed = seconds.reduce((sum, second) => sum + second.failed, 0);
  console.log(`soak ${JSON.stringify({ seconds: seconds.length, requests, failed, usages })}`);
}
