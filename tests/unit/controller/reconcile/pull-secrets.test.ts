import { expect, test } from "bun:test";
import { planPullSecrets } from "../../../../controller/reconcile/pull-secrets.ts";

test("planPullSecrets() gives each space the newest copy and takes it from all others", () => {
  const found = [
    { namespace: "right", content: "new" },
    { namespace: "old", content: "old" },
    { namespace: "left", content: "new" },
  ];
  const plan = planPullSecrets(["right", "old", "fresh"], found, "new");
  expect(plan).toEqual({ write: ["old", "fresh"], remove: ["left"] });
});

test("planPullSecrets() removes all copies when there is nothing to copy", () => {
  const found = [{ namespace: "dev", content: "new" }];
  expect(planPullSecrets(["dev"], found, undefined)).toEqual({ write: [], remove: ["dev"] });
});
