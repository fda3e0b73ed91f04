/** What `azds route explain` says of a URL, in one line. */
import { asArray, asString, at } from "../../../core/parse.ts";
import { jsonLines } from "../../support/json-lines.ts";
import type { Developer } from "./cluster.ts";
import { withHosts } from "./own-ingress.ts";

export interface Asker {
  readonly developer: Developer;
  readonly space: string;
}

/** `<entry> <reason>: <pod>.<space>` */
export async function explained(asker: Asker, url: string): Promise<string> {
  const way = await dry(asker, url);
  if (typeof way === "string") return way;
  const ends = asArray(way.pods).map((pod) => `${asString(at(pod, "name"))}.${asString(at(pod, "namespace"))}`);
  return `${asString(at(way.route, "entry"))} ${asString(at(way.route, "reason"))}: ${ends.join(" ")}`;
}

/** `<what>: <why>` of the steps of one kind. */
export async function explainedSteps(asker: Asker, url: string, step: string): Promise<string> {
  const way = await dry(asker, url);
  if (typeof way === "string") return way;
  const steps = asArray(at(way.route, "steps")).filter((each) => at(each, "step") === step);
  return steps.map((each) => `${asString(at(each, "what"))}: ${asString(at(each, "why"))}`).join("\n");
}

interface Way {
  readonly route: unknown;
  readonly pods: unknown;
}

/** What was printed where it failed. */
async function dry({ developer, space }: Asker, url: string): Promise<Way | string> {
  const { stdout, stderr } = await developer.azds(["route", "explain", url, "-n", space, "-o", "json"]);
  const [route, pods] = ["route", "pods"].map(
    (name) => jsonLines(stdout).find((line) => line["name"] === name)?.["data"],
  );
  return route === undefined ? `${stdout}${stderr}` : { route, pods };
}

/** `<status> <asked pod>.<space>`, then those it was sent on to: what a real request to this machine touched. */
export async function touched({ developer, space }: Asker, url: string): Promise<string> {
  const { argv, env } = developer.command(["route", "explain", url, "-n", space, "--live", "-o", "json"]);
  const child = Bun.spawn([...withHosts([new URL(url).hostname], argv)], { env, stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  const live = jsonLines(stdout).find((line) => line["name"] === "live")?.["data"];
  if (live === undefined) return `${stdout}${stderr}`;
  return `${String(at(live, "status"))} ${podsOf(at(live, "calls")).join(" ")}`;
}

function podsOf(calls: unknown): readonly string[] {
  return asArray(calls).flatMap((call) => {
    const [namespace, name] = asString(at(call, "pod"))?.split("/") ?? [];
    return [`${name}.${namespace}`].concat(podsOf(at(call, "calls")));
  });
}
