/** Label selectors (meta/v1, LabelSelector). Pure. */
import { asArray, asString, asStringRecord, at } from "../../core/parse.ts";

export type Labels = Readonly<Record<string, string>>;

/** Whether an object with such labels is selected. An empty selector selects all, one that is absent none. */
export type LabelSelector = (labels: Labels) => boolean;

export function parseLabelSelector(selector: unknown): LabelSelector {
  if (selector === undefined) return () => false;
  const wanted = Object.entries(asStringRecord(at(selector, "matchLabels")));
  const expressions = asArray(at(selector, "matchExpressions"));
  return (labels) =>
    wanted.every(([key, value]) => labels[key] === value) && expressions.every((each) => isMet(each, labels));
}

function isMet(expression: unknown, labels: Labels): boolean {
  const value = labels[asString(at(expression, "key")) ?? ""];
  const isListed = value !== undefined && asArray(at(expression, "values")).includes(value);
  switch (at(expression, "operator")) {
    case "In":
      return isListed;
    case "NotIn":
      return !isListed;
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    default:
      return false;
  }
}
