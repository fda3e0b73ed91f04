import { describe, expect, test } from "bun:test";
import { type RegistryOptions, resolveRegistry, whySecretIsNone } from "../../../../cli/enable/registry.ts";

const NOTHING: RegistryOptions = {
  registry: undefined,
  registrySecret: undefined,
  registryPullSecret: undefined,
  registryInsecure: undefined,
};
const BEFORE = {
  registry: "r.test:5000/team",
  registrySecret: "push",
  registryPullSecret: "pull",
  registryInsecure: "true",
};
const CHOSEN = { prefix: "r.test:5000/team", secret: "push", pullSecret: "pull", insecure: true };

describe("resolveRegistry()", () => {
  test("keeps what an earlier run was told, and changes what is said", () => {
    expect(resolveRegistry(NOTHING, {})).toBeUndefined();
    expect(resolveRegistry(NOTHING, BEFORE)).toEqual(CHOSEN);
    expect(resolveRegistry({ ...NOTHING, registry: "r.test:5000/team/" }, BEFORE)).toEqual(CHOSEN);
    const changed = { ...NOTHING, registryPullSecret: "", registryInsecure: false };
    expect(resolveRegistry(changed, BEFORE)).toEqual({ ...CHOSEN, pullSecret: "", insecure: false });
  });

  test("takes credentials to no other registry", () => {
    expect(resolveRegistry({ ...NOTHING, registry: "other.test" }, BEFORE)).toEqual({
      prefix: "other.test",
      secret: "",
      pullSecret: "",
      insecure: false,
    });
  });

  test("goes back to the nodes' own stores with `none`, and refuses to say more of no registry", () => {
    expect(resolveRegistry({ ...NOTHING, registry: "none" }, BEFORE)).toBeUndefined();
    expect(() => resolveRegistry({ ...NOTHING, registrySecret: "push" }, {})).toThrow("`--registry-secret` says more");
    expect(() => resolveRegistry({ ...NOTHING, registry: "none", registryInsecure: true }, BEFORE)).toThrow(
      "`--registry-insecure` says more",
    );
  });

  test.each(["r.test", "r.test:5000", "localhost", "localhost:5000/a", "10.0.0.1:5000/a/b_c", "[fd00::1]:5000/x"])(
    "takes %s",
    (registry) => expect(resolveRegistry({ ...NOTHING, registry }, {})?.prefix).toBe(registry),
  );

  test.each([
    ["https://r.test/team", "without a scheme"],
    ["R.test/team", "no upper-case letters"],
    ["team/dev", "must begin with a registry's host"],
    ["team", "must begin with a registry's host"],
    ["r.test:port", "must begin with a registry's host"],
    ["azds.local", "is no registry"],
    ["docker.io/me", "Docker Hub takes no names as deep"],
    ["r.test/team:1", "without a tag"],
    ["r.test//team", "without a tag"],
    [`r.test/${"x".repeat(120)}`, "longer than 120 characters"],
  ])("refuses %s", (registry, why) => {
    expect(() => resolveRegistry({ ...NOTHING, registry }, {})).toThrow(why);
  });
});

describe("whySecretIsNone()", () => {
  const secret = (auths: unknown, type = "kubernetes.io/dockerconfigjson"): object => ({
    type,
    data: { ".dockerconfigjson": btoa(JSON.stringify({ auths })) },
  });

  test.each(["r.test:5000", "https://r.test:5000/v2/", "*.test:5000"])("takes credentials for %s", (key) => {
    expect(whySecretIsNone(secret({ [key]: {} }), "r.test:5000")).toBeUndefined();
  });

  test("says what is wrong with any other Secret", () => {
    const why = (object: unknown): string | undefined => whySecretIsNone(object, "r.test:5000");
    expect(why(undefined)).toBe("does not exist");
    expect(why(secret({}, "Opaque"))).toBe("is of type `Opaque`, not `kubernetes.io/dockerconfigjson`");
    expect(why(secret("none"))).toBe("holds no Docker configuration with `auths`");
    expect(why({ ...secret({}), data: { ".dockerconfigjson": btoa("{") } })).toContain("no Docker configuration");
    expect(why(secret({}))).toBe("has no credentials for `r.test:5000`");
    expect(why(secret({ "r.test": {} }))).toBe("has no credentials for `r.test:5000`, only for `r.test`");
  });
});
