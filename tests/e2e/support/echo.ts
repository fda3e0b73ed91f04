/** What the pods of `deployEcho` saw of a request. */
import { asString, asStringRecord, at } from "../../../core/parse.ts";

export interface Echo {
  /** `<name>.<namespace>` */
  readonly from: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What is no echo counts as who answered. */
export function parseEcho(text: string): Echo {
  if (!text.startsWith("{")) return { from: text, path: "", headers: {} };
  const value: unknown = JSON.parse(text);
  return {
    from: asString(at(value, "from")) ?? "",
    path: asString(at(value, "url")) ?? "",
    headers: asStringRecord(at(value, "headers")),
  };
}
