import { expect, test } from "bun:test";
import { createRedactor } from "../../../builder/redact.ts";

test("createRedactor() replaces values of telling names only, the longest first", () => {
  const redact = createRedactor({ NPM_TOKEN: "abcd", DB_PASSWORD: "abcd-ef", VERSION: "1.2.3", API_KEY: "no" });
  expect(redact("abcd-ef abcd 1.2.3 no")).toBe("*** *** 1.2.3 no");
});

test("createRedactor() blanks out what secrets hold, line by line", () => {
  const content = new TextEncoder().encode("registry=https://r.test/\n//r.test/:_authToken=abcdefgh\nx=1\n");
  const redact = createRedactor({}, [content]);
  expect(redact("token abcdefgh and //r.test/:_authToken=abcdefgh")).toBe("token *** and ***");
  expect(redact("x=1 stays")).toBe("x=1 stays");
});
