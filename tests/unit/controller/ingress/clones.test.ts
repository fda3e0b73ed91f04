import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { stringify } from "yaml";
import {
  childHost,
  cloneName,
  cloneOfObject,
  planClones,
  wantedClones,
  type Original,
} from "../../../../controller/ingress/clones.ts";

const GOLDEN = join(import.meta.dir, "../../../golden/clones.yaml");
const HEIRS = new Map([
  ["dev", ["alice", "tiny"]],
  ["alice", ["tiny"]],
]);

function original(over: Partial<Original> & { readonly hosts?: readonly string[] } = {}): Original {
  const paths = [{ path: "/", pathType: "Prefix", backend: { service: { name: "web", port: { name: "http" } } } }];
  return {
    kind: "Ingress",
    apiVersion: "networking.k8s.io/v1",
    namespace: "dev",
    name: "web",
    uid: "uid-1",
    annotations: {},
    spec: {
      ingressClassName: "nginx",
      rules: (over.hosts ?? ["dev.web.example.com"]).map((host) => ({ host, http: { paths } })),
    },
    ...over,
  };
}

const names = (originals: readonly Original[]): readonly string[] =>
  wantedClones(originals, HEIRS).map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`);

test("wantedClones() gives the objects of the golden file", async () => {
  const tls = [{ hosts: ["dev.web.example.com"], secretName: "web-tls" }];
  const annotations = {
    "cert-manager.io/cluster-issuer": "letsencrypt",
    "meta.helm.sh/release-name": "web",
    "nginx.ingress.kubernetes.io/proxy-body-size": "8m",
  };
  const rules = original().spec["rules"];
  const defaultBackend = { service: { name: "web", port: { number: 80 } } };
  const originals = [
    original({ name: "issued", annotations, spec: { ingressClassName: "nginx", rules, tls, defaultBackend } }),
    original({
      kind: "HTTPRoute",
      apiVersion: "gateway.networking.k8s.io/v1",
      spec: { hostnames: ["dev.web.example.com", "x.y"], rules: [] },
    }),
  ];
  const text = wantedClones(originals, new Map([["dev", ["alice"]]]))
    .map(({ object }) => stringify(object, { aliasDuplicateObjects: false, lineWidth: 0 }))
    .join("---\n");
  if (Bun.env["UPDATE_GOLDEN"] === "1") await Bun.write(GOLDEN, text);
  expect(text).toBe(await Bun.file(GOLDEN).text());
});

describe("wantedClones()", () => {
  test("makes one for each heir at any depth, and none outside of spaces", () => {
    expect(names([original()])).toEqual(["Ingress dev/web-alice-azds", "Ingress dev/web-tiny-azds"]);
    expect(names([original({ namespace: "kube-system" })])).toEqual([]);
  });

  test("leaves hosts alone that are not of the space's form, and ACME challenges", () => {
    expect(names([original({ hosts: ["", "*.example.com", "shop.example.com", "develop.web.test"] })])).toEqual([]);
    const paths = [{ path: "/.well-known/acme-challenge/x", pathType: "Exact", backend: {} }];
    expect(names([original({ spec: { rules: [{ host: "dev.web.test", http: { paths } }] } })])).toEqual([]);
  });

  test("lets an own object of the child, and the nearer ancestor, have host and path", () => {
    const own = original({ namespace: "alice", name: "own", hosts: ["alice.s.dev.web.example.com"] });
    expect(names([original(), own])).toEqual(["Ingress alice/own-tiny-azds"]);
  });

  test("keeps the Secret of a certificate that nobody issues by itself", () => {
    const tls = [
      { hosts: ["dev.web.example.com"], secretName: "wild" },
      { hosts: ["other.test"], secretName: "no" },
    ];
    const [clone] = wantedClones([original({ spec: { ...original().spec, tls } })], HEIRS);
    expect(clone?.object).toMatchObject({
      spec: { tls: [{ hosts: ["alice.s.dev.web.example.com"], secretName: "wild" }] },
    });
  });
});

describe("planClones()", () => {
  const wanted = wantedClones([original()], HEIRS);
  const found = wanted.flatMap(({ kind, object }) => cloneOfObject(kind, object) ?? []);

  test("does nothing where all is as wanted", () => {
    expect(planClones(wanted, found)).toEqual({ write: [], remove: [] });
  });

  test("writes what is missing or differs and removes what nobody wants", () => {
    const changed = wantedClones([original({ annotations: { a: "b" } })], new Map([["dev", ["alice"]]]));
    const plan = planClones(changed, found);
    expect(plan.write.map(({ name }) => name)).toEqual(["web-alice-azds"]);
    expect(plan.remove.map(({ name }) => name)).toEqual(["web-tiny-azds"]);
  });

  test("never takes an object of somebody else for a clone", () => {
    expect(cloneOfObject("Ingress", { metadata: { name: "web-alice-azds", namespace: "dev" } })).toBeUndefined();
  });
});

test("childHost() gives a child's form of a root's and of a child's host", () => {
  expect(childHost("dev.web.test", { space: "dev", child: "alice" })).toBe("alice.s.dev.web.test");
  expect(childHost("alice.s.dev.web.test", { space: "alice", child: "tiny" })).toBe("tiny.s.dev.web.test");
  expect(childHost(`dev.${"x".repeat(245)}.test`, { space: "dev", child: "alice" })).toBeUndefined();
});

test("cloneName() stays within the length of a name and keeps two apart", () => {
  const [one, two] = [cloneName("x".repeat(250), "alice"), cloneName("x".repeat(250), "bob")];
  expect(one.length).toBe(253);
  expect(one).not.toBe(two);
});
