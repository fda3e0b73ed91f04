import { expect, test } from "bun:test";
import { createRedactor } from "../../../builder/redact.ts";

test("createRedactor() replaces values of telling names only, the longest first", () => {
  const redact = createRedactor({ NPM_TOKEN: "abcd", DB_PASSWORD: "abcd-ef", VERSION: "1.2.3", API_KEY: "no" });
  expect(redact("abcd-ef abcd 1.2.3 no")).toBe("*** *** 1.2.3 no");
});
