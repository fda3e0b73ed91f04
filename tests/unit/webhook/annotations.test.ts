import { describe, expect, test } from "bun:test";
import { readPorts, readResources } from "../../../webhook/annotations.ts";

function resources(text: string): ReturnType<typeof readResources> {
  return readResources({ metadata: { annotations: { "azds.io/proxy-resources": text } } });
}

describe("readResources()", () => {
  test("takes limits and requests with their capitalised keys", () => {
    const { value, warnings } = resources(
      '{"Limits":{"cpu":"300m","memory":"400Mi"},"Requests":{"cpu":0.15,"memory":"200M"}}',
    );
    expect(value).toEqual({ limits: { cpu: "300m", memory: "400Mi" }, requests: { cpu: "0.15", memory: "200M" } });
    expect(warnings).toEqual([]);
  });

  test.each([
    "",
    "[]",
    '{"limits":{"cpu":"1"}}',
    '{"Limits":{"cpu":"plenty"}}',
    '{"Limits":{"gpu":"1"}}',
    '{"Limits":{"memory":"-1"}}',
    '{"Limits":"all"}',
    '{"Limits":{"cpu":"100m"},"Requests":{"cpu":"0.2"}}',
    '{"Limits":{"memory":"1G"},"Requests":{"memory":"1Gi"}}',
  ])("keeps the defaults and warns about %p", (text) => {
    const { value, warnings } = resources(text);
    expect(value).toEqual({ requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } });
    expect(warnings).toEqual([{ code: "proxy-resources", detail: text }]);
  });

  test.each([
    '{"Limits":{"cpu":"1"},"Requests":{"cpu":"1000m"}}',
    '{"Limits":{"memory":"1Mi"},"Requests":{"memory":"1024Ki"}}',
  ])("lets a request equal its limit in %p", (text) => expect(resources(text).warnings).toEqual([]));
});

test("readPorts() takes each port once and names the words that are none", () => {
  const pod = { metadata: { annotations: { list: "80, 443,,80,0,65536,http" } } };
  const { value, warnings } = readPorts(pod, "list");
  expect(value).toEqual([80, 443]);
  expect(warnings.map((warning) => warning.detail)).toEqual(["list: 0", "list: 65536", "list: http"]);
});
