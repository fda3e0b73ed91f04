import { expect, test } from "bun:test";
import { corefile } from "../../cluster/dns.ts";
import { bridgesTo, endpointsOf } from "../../cluster/registries.ts";

const NOTHING = { npmRegistry: "", pythonIndex: "", pythonFiles: "", goProxy: "", goChecksums: "" };

test("endpointsOf() names each host once and leaves out words that are no host", () => {
  const endpoints = endpointsOf({
    npmRegistry: "https://npm.example/",
    pythonIndex: "https://mirror.example:8443/simple",
    pythonFiles: "files.example",
    goProxy: "https://go.example|http://plain.example,direct",
    goChecksums: "sums.example+033de0ae https://npm.example/sumdb",
  });
  expect(endpoints).toEqual([
    { host: "npm.example", port: 443 },
    { host: "mirror.example", port: 8443 },
    { host: "files.example", port: 443 },
    { host: "go.example", port: 443 },
    { host: "plain.example", port: 80 },
  ]);
});

test("endpointsOf() takes the checksum database's own name when it has no URL", () => {
  expect(endpointsOf({ ...NOTHING, goChecksums: "sums.example+033de0ae" })).toEqual([
    { host: "sums.example", port: 443 },
  ]);
  expect(endpointsOf({ ...NOTHING, goProxy: "off", goChecksums: "off" })).toEqual([]);
});

test("bridgesTo() gives each registry an address that the cluster's DNS answers with", () => {
  const bridges = bridgesTo([
    { host: "a.example", port: 443 },
    { host: "b.example", port: 443 },
  ]);
  expect(bridges.map(({ address }) => address)).toEqual(["10.200.0.101", "10.200.0.102"]);
  expect(corefile(bridges)).toContain("10.200.0.102 b.example\n");
});
