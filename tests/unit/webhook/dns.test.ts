import { describe, expect, test } from "bun:test";
import { asArray, at } from "../../../core/parse.ts";
import { planDns } from "../../../webhook/dns.ts";

describe("planDns()", () => {
  test("adds no more search domains than the API server accepts and names the rest", () => {
    const ancestors = Array.from({ length: 40 }, (_, index) => `s${index}`);
    const { dnsConfig, warnings } = planDns({}, ancestors, "cluster.local");
    expect(asArray(at(dnsConfig, "searches")).length).toBe(32);
    expect(warnings[0]?.detail.split(" ").length).toBe(8);
  });

  test("keeps the whole list below 2048 characters", () => {
    const ancestors = Array.from({ length: 30 }, (_, index) => `${index}`.padStart(63, "s"));
    const { dnsConfig, warnings } = planDns({}, ancestors, "cluster.local");
    expect(asArray(at(dnsConfig, "searches")).join(" ").length).toBeLessThanOrEqual(2048);
    expect(warnings.map((warning) => warning.code)).toEqual(["search-list-full"]);
  });

  test("leaves a pod without ancestors alone", () => {
    expect(planDns({ spec: {} }, [], "cluster.local")).toEqual({ dnsConfig: undefined, warnings: [] });
  });
});
