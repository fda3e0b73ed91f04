import { expect, test } from "bun:test";
import {
  collectionPath,
  namespacePath,
  objectPath,
  podPath,
  podsPath,
  withQuery,
} from "../../../../core/kube/paths.ts";

test("paths of namespaces and pods", () => {
  expect(namespacePath()).toBe("/api/v1/namespaces");
  expect(namespacePath("dev")).toBe("/api/v1/namespaces/dev");
  expect(podsPath("dev")).toBe("/api/v1/namespaces/dev/pods");
  expect(podPath("dev", "a/../b")).toBe("/api/v1/namespaces/dev/pods/a%2F..%2Fb");
});

test("objectPath() knows group, plural and scope", () => {
  expect(objectPath({ apiVersion: "v1", kind: "Service" }, "dev", "web")).toBe("/api/v1/namespaces/dev/services/web");
  expect(objectPath({ apiVersion: "networking.k8s.io/v1", kind: "Ingress" }, "dev", "web")).toBe(
    "/apis/networking.k8s.io/v1/namespaces/dev/ingresses/web",
  );
  expect(objectPath({ apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole" }, "dev", "x")).toBe(
    "/apis/rbac.authorization.k8s.io/v1/clusterroles/x",
  );
  expect(() => objectPath({ apiVersion: "v1", kind: "Gadget" }, "dev", "x")).toThrow("Gadget");
});

test("collectionPath() without a namespace is the whole cluster", () => {
  expect(collectionPath({ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice" })).toBe(
    "/apis/discovery.k8s.io/v1/endpointslices",
  );
});

test("withQuery() adds to a query that is there, escapes, and leaves out what is undefined", () => {
  expect(withQuery("/x", { a: "b c", d: undefined, e: true })).toBe("/x?a=b%20c&e=true");
  expect(withQuery("/x?a=1", { b: "&" })).toBe("/x?a=1&b=%26");
  expect(withQuery("/x", {})).toBe("/x");
});
