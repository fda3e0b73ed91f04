/** Which rule of an Ingress of the user's own a request meets. Pure. */
import { CLONE_OF_ANNOTATION } from "../../core/contract.ts";
import { matchIngress } from "../../core/ingress-match.ts";
import type { IngressBackend } from "../../core/route-table.ts";
import type { Entry, Step } from "./explanation.ts";
import { rulePath, tableWithIngresses } from "./ingress-table.ts";
import type { Question } from "./question.ts";

/** The rule that its controller follows. */
export interface Met {
  readonly entry: Extract<Entry, "ingress" | "http-route">;
  readonly steps: readonly Step[];
  /** The last step where the request reaches no Service. */
  readonly to: Step | (IngressBackend & { readonly namespace: string });
  readonly sent: Sent;
}

/** What decides of the request, as the pods of the Service get it. */
interface Sent {
  readonly authority: string;
  /** Values of the route header and of `baggage`. */
  readonly header: string | undefined;
  readonly baggage: string | undefined;
}

/** Clones for children stand beside their originals, so a host counts as it is written. */
export function meetIngress(question: Question): Met | undefined {
  const { address, gateway, facts, header, baggage } = question;
  const table = tableWithIngresses(question, ({ ours }) => !ours);
  if (table === undefined) return undefined;
  const { hostSuffix } = gateway;
  const match = matchIngress(table, { host: address.host, path: rulePath(address), hostSuffix });
  if (match === undefined || match.child !== undefined) return undefined;
  const { namespace, name, backend } = match;
  const ingress = facts.get(namespace)?.ingresses.find((each) => each.name === name);
  const why = `it has this host and path, for the Service \`${backend.service}\`; its controller is your own${cloneText(ingress)}`;
  return {
    entry: "ingress",
    steps: [{ step: "entry", what: `Ingress ${namespace}/${name}`, why }],
    to: { ...backend, namespace },
    sent: { authority: address.authority, header, baggage },
  };
}

/** What an object is a clone of. */
export function cloneText(object: { readonly annotations: Readonly<Record<string, string>> } | undefined): string {
  const original = object?.annotations[CLONE_OF_ANNOTATION];
  return original === undefined ? "" : `, made by azds from \`${original}\` for a child`;
}
