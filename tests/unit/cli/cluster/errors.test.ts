import { describe, expect, test } from "bun:test";
import { connectionFailure, kubeFailure } from "../../../../cli/cluster/errors.ts";
import { AzdsError } from "../../../../core/errors.ts";
import { KubeError } from "../../../../core/kube/types.ts";

const SERVER = { context: "kind", server: "https://127.0.0.1:6443" };

function withCode(code: string): Error {
  return Object.assign(new TypeError("fetch failed"), { code });
}

describe("connectionFailure()", () => {
  test.each<[string, unknown, string]>([
    ["ECONNREFUSED", withCode("ECONNREFUSED"), "the connection was refused"],
    ["ENOTFOUND", withCode("ENOTFOUND"), "the host name is not known"],
    [
      "an unknown authority",
      withCode("UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
      "its certificate is not trusted (UNABLE_TO_VERIFY_LEAF_SIGNATURE)",
    ],
    ["a time-out", new DOMException("late", "TimeoutError"), "it does not answer"],
    ["a cause", new Error("fetch failed", { cause: withCode("ECONNRESET") }), "the connection was closed"],
    [
      "the client's own words",
      new AzdsError("CLUSTER_UNREACHABLE", "x", { cause: withCode("ECONNREFUSED") }),
      "the connection was refused",
    ],
  ])("names context, server and reason for %s", (_, error, reason) => {
    const failure = connectionFailure(error, SERVER);
    expect(failure).toBeInstanceOf(AzdsError);
    expect(failure).toMatchObject({
      code: "CLUSTER_UNREACHABLE",
      message: `Cannot reach the API server of context \`kind\` at https://127.0.0.1:6443: ${reason}`,
      cause: error,
    });
  });

  test("says of 401 that the credentials are rejected", () => {
    expect(connectionFailure(new KubeError(401, "Unauthorized", "x"), SERVER)).toMatchObject({
      code: "CREDENTIALS_REJECTED",
    });
  });

  test("leaves everything else alone", () => {
    for (const error of [
      new KubeError(404, "NotFound", "x"),
      new RangeError("bug"),
      new AzdsError("USAGE", "x"),
      "text",
    ]) {
      expect(connectionFailure(error, SERVER)).toBe(error);
    }
  });
});

describe("kubeFailure()", () => {
  test.each([
    [
      'deployments.apps is forbidden: User "bob" cannot create resource "deployments" in API group "apps" in the namespace "dev"',
      "User `bob` may not `create` `deployments.apps` in namespace `dev`",
    ],
    [
      'pods "web" is forbidden: User "system:serviceaccount:a:b" cannot get resource "pods/log" in API group "" in the namespace "dev"',
      "User `system:serviceaccount:a:b` may not `get` `pods/log` in namespace `dev`",
    ],
    [
      'namespaces is forbidden: User "bob" cannot list resource "namespaces" in API group "" at the cluster scope',
      "User `bob` may not `list` `namespaces` in the whole cluster",
    ],
    [
      "namespaces \"x\" is forbidden: ValidatingAdmissionPolicy 'azds' denied it",
      "namespaces \"x\" is forbidden: ValidatingAdmissionPolicy 'azds' denied it",
    ],
  ])("reads the missing right from %p", (message, text) => {
    expect(kubeFailure(new KubeError(403, "Forbidden", message))).toMatchObject({ code: "FORBIDDEN", message: text });
  });

  test("passes the server's words on for other answers", () => {
    expect(kubeFailure(new KubeError(500, "InternalError", "etcd is away"))).toMatchObject({
      code: "API_FAILED",
      message: "The API server answered 500 InternalError: etcd is away",
    });
  });
});
