import { describe, expect, test } from "bun:test";
import { formatAnswer, readReview } from "../../../webhook/review.ts";

const request = {
  uid: "705ab4f5",
  operation: "CREATE",
  namespace: "alice",
  userInfo: { username: "ann" },
  object: { kind: "Pod" },
  oldObject: null,
  dryRun: true,
};

function review(changes: object = {}): string {
  return JSON.stringify({
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: { ...request, ...changes },
  });
}

describe("readReview()", () => {
  test("takes what the admission needs", () => {
    expect(readReview(review())).toEqual({
      uid: "705ab4f5",
      operation: "CREATE",
      namespace: "alice",
      subResource: "",
      username: "ann",
      dryRun: true,
      object: { kind: "Pod" },
      oldObject: undefined,
    });
  });

  test.each([
    ["", "The body is no AdmissionReview of `admission.k8s.io/v1`"],
    ["null", "The body is no AdmissionReview of `admission.k8s.io/v1`"],
    [
      '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1"}',
      "The body is no AdmissionReview of `admission.k8s.io/v1`",
    ],
    [
      '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}',
      "`request.uid` or `request.operation` is missing",
    ],
    [review({ uid: 1 }), "`request.uid` or `request.operation` is missing"],
    [review({ object: null }), "`request.object` is missing"],
  ])("refuses %p", (body, refused) => {
    expect(readReview(body)).toEqual({ refused });
  });
});

describe("formatAnswer()", () => {
  test("echoes the uid and carries the patch in base64", () => {
    const operations = [{ op: "add", path: "/metadata/labels", value: { name: "ä" } }] as const;
    const { response, ...rest } = JSON.parse(formatAnswer("705ab4f5", operations)) as { response: { patch: string } };
    expect(rest as unknown).toEqual({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview" });
    expect(response as unknown).toMatchObject({ uid: "705ab4f5", allowed: true, patchType: "JSONPatch" });
    expect(JSON.parse(Buffer.from(response.patch, "base64").toString("utf8"))).toEqual(operations);
  });

  test("has no patch when nothing changes", () => {
    expect(JSON.parse(formatAnswer("1", []))).toMatchObject({ response: { uid: "1", allowed: true } });
    expect(formatAnswer("1", [])).not.toContain("patch");
  });
});
