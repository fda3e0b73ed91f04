import { expect, test } from "bun:test";
import { missingPackages } from "../../cluster/packages.ts";

test("missingPackages() names each package once, and only for what is absent", () => {
  const requirements = [
    { file: "a", debianPackage: "one" },
    { file: "b", debianPackage: "one" },
    { file: "c", debianPackage: "two" },
    { file: "d", debianPackage: "three" },
  ];
  expect(missingPackages(requirements, (file) => file === "c")).toEqual(["one", "three"]);
});
