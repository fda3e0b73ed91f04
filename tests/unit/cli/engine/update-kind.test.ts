import { expect, test } from "bun:test";
import { updateKind } from "../../../../cli/engine/update-kind.ts";

const RULES = { dockerfile: "Dockerfile.develop", chart: "charts/web" };

test.each([
  [["server.js"], "server.js", "the image holds it"],
  [["server.js", "Dockerfile.develop"], "Dockerfile.develop", "the image is made by it"],
  [["server.js", "charts/web/values.yaml"], "charts/web/values.yaml", "it belongs to the chart"],
  [["charts/web/values.yaml", "azds.yaml"], "azds.yaml", "it says how the service is built and installed"],
  [["charts/webx/a.js"], "charts/webx/a.js", "the image holds it"],
])("updateKind(%j) is decided by %s: %s", (changed, path, rule) => {
  expect(updateKind(changed, RULES)).toEqual({ kind: "rebuild", path, rule });
});
