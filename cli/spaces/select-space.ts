/** Selects a space, making it first where needed: asks what planSelect leaves open, then does what it plans. */
import { AzdsError } from "../../core/errors.ts";
import { KubeError } from "../../core/kube/types.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Context } from "../context.ts";
import type { Question } from "../engine/events.ts";
import { stepper } from "../engine/steps.ts";
import { type CurrentSpace, describeSpace } from "./current.ts";
import { DEFAULT_SPACE } from "./names.ts";
import { createSpace, labelSpace, listTree } from "./namespaces.ts";
import { planSelect, type SelectOutcome, type SelectPlan, type SelectRequest } from "./plan-select.ts";
import { waitForRights } from "./rights.ts";
import { storeSelection } from "./selection.ts";

/** Name, parent, and agreement for both. */
const QUESTIONS_MAX = 4;
const NO_PARENT = "<none>";

/** A created or converted space is always selected. @throws AzdsError DECLINED and those of planSelect */
export async function selectSpace(
  context: Context,
  cluster: Cluster,
  asked: Omit<SelectRequest, "agreed" | "chosenParent">,
): Promise<CurrentSpace> {
  const plan = await settle(context, cluster, asked);
  await apply(plan, context, cluster);
  return describeSpace(await listTree(cluster.kube, context.signal), plan.name);
}

async function settle(
  context: Context,
  cluster: Cluster,
  asked: Omit<SelectRequest, "agreed" | "chosenParent">,
): Promise<SelectPlan> {
  const tree = await listTree(cluster.kube, context.signal);
  let request: SelectRequest = { ...asked, agreed: [] };
  let isAnnounced = false;
  for (let questions = 0; questions <= QUESTIONS_MAX; questions += 1) {
    const outcome = planSelect(tree, request);
    const newName = newNameOf(outcome);
    if (newName !== undefined && !isAnnounced) {
      context.emit({
        type: "message",
        level: "info",
        text: `Dev space '${newName}' does not exist and will be created.`,
      });
      isAnnounced = true;
    }
    if (outcome.kind === "plan") return outcome.plan;
    request = await answered(request, outcome, context);
  }
  throw new Error("Selecting a space asked more than it can ask");
}

function newNameOf(outcome: SelectOutcome): string | undefined {
  if (outcome.kind === "ask-parent") return outcome.name;
  return outcome.kind === "plan" && outcome.plan.action === "create" ? outcome.plan.name : undefined;
}

async function answered(
  request: SelectRequest,
  open: Exclude<SelectOutcome, { readonly kind: "plan" }>,
  { ask }: Context,
): Promise<SelectRequest> {
  switch (open.kind) {
    case "ask-name":
      return { ...request, name: await ask(nameQuestion(open.choices)) };
    case "ask-parent": {
      const parent = await ask(parentQuestion(open.choices));
      return { ...request, chosenParent: parent === NO_PARENT ? null : parent };
    }
    case "ask-convert": {
      if (!(await ask(convertQuestion(open.namespace)))) {
        throw new AzdsError("DECLINED", `Namespace \`${open.namespace}\` was left as it is`);
      }
      return { ...request, agreed: [...request.agreed, open.namespace] };
    }
  }
}

type Choose = Extract<Question, { readonly kind: "choose" }>;
type Confirm = Extract<Question, { readonly kind: "confirm" }>;

function nameQuestion(choices: readonly string[]): Choose {
  const text = "Select a dev space or Kubernetes namespace to use as a dev space.";
  const answers = { whenEmpty: DEFAULT_SPACE, whenUnattended: DEFAULT_SPACE };
  return {
    kind: "choose",
    id: "space",
    text,
    choices,
    first: 1,
    prompt: "Type a number or a new name:",
    freeText: true,
    ...answers,
  };
}

function parentQuestion(namespaces: readonly string[]): Choose {
  const text = "Select a parent dev space or Kubernetes namespace to use as a parent dev space.";
  const answers = { whenEmpty: NO_PARENT, whenUnattended: NO_PARENT };
  const choices = [NO_PARENT, ...namespaces];
  return {
    kind: "choose",
    id: "parent-space",
    text,
    choices,
    first: 0,
    prompt: "Type a number:",
    freeText: false,
    ...answers,
  };
}

function convertQuestion(namespace: string): Confirm {
  const text = `Kubernetes namespace '${namespace}' will be configured as a dev space. This will enable Dev Spaces instrumentation for new workloads in the namespace. Continue?`;
  return { kind: "confirm", id: "convert-namespace", text, whenEmpty: true, whenUnattended: true };
}

async function apply(plan: SelectPlan, context: Context, cluster: Cluster): Promise<void> {
  const step = stepper(context.emit, context.host.clock);
  const { kube } = cluster;
  const { signal } = context;
  const { convertParent } = plan;
  if (convertParent !== undefined) {
    await step("convert-parent", `Configuring dev space '${convertParent}'`, () =>
      labelSpace(kube, { name: convertParent, parent: undefined }, signal),
    );
  }
  await step("select-space", `${VERB[plan.action]} dev space '${plan.path}'`, async () => {
    await make(plan, cluster, signal);
    await storeSelection(context, cluster, plan.name);
    if (plan.action !== "none") await waitForRights(context, cluster, plan.name);
  });
}

const VERB = { create: "Creating and selecting", convert: "Configuring and selecting", none: "Selecting" } as const;

async function make({ action, name, parent }: SelectPlan, { kube }: Cluster, signal: AbortSignal): Promise<void> {
  switch (action) {
    case "none":
      return;
    case "convert":
      return labelSpace(kube, { name, parent }, signal);
    case "create":
      try {
        return await createSpace(kube, { name, parent }, signal);
      } catch (cause) {
        if (!(cause instanceof KubeError && cause.status === 409)) throw cause;
        throw new AzdsError("SPACE_EXISTS", `Dev space \`${name}\` was made by somebody else just now`, { cause });
      }
  }
}
