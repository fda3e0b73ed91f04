import { expect, test } from "bun:test";
import { formatSettings, parseSettings, type WebhookSettings } from "../../../webhook/settings.ts";

test("parseSettings() reads what formatSettings() wrote", () => {
  const settings: WebhookSettings = {
    image: "azds:1",
    imagePullPolicy: "Never",
    hostSuffix: ".azds.localhost",
    clusterDomain: "corp.internal",
    redirect: "node",
  };
  expect(parseSettings(formatSettings(settings))).toEqual(settings);
});

test("parseSettings() has defaults for pull policy and cluster domain", () => {
  expect(parseSettings('{"image":"azds:1","hostSuffix":".x"}')).toEqual({
    image: "azds:1",
    imagePullPolicy: "IfNotPresent",
    hostSuffix: ".x",
    clusterDomain: "cluster.local",
    redirect: "init",
  });
});

test("parseSettings() names the field that is missing", () => {
  expect(() => parseSettings('{"hostSuffix":".x"}')).toThrow("`AZDS_SETTINGS.image` must be a string, not missing");
  expect(() => parseSettings("")).toThrow("`AZDS_SETTINGS` is not valid JSON");
});
