/** The fake API server of tests/fakes behind real HTTP, so that the command line reaches it through a kubeconfig. */
import { join } from "node:path";
import { KubeError, type KubeRequest } from "../../core/kube/types.ts";
import { isObject, type JsonObject } from "../../core/parse.ts";
import { fakeKube, type FakeKube } from "../fakes/kube.ts";

export interface FakeApi extends AsyncDisposable {
  readonly kube: FakeKube;
  readonly server: string;
  /** Writes a kubeconfig with context `test` and gives its path. */
  readonly kubeconfig: (folder: string) => Promise<string>;
}

export interface FakeApiOptions {
  /** Answers instead of the store, also by throwing a KubeError; `undefined` passes on. */
  readonly answer?: (request: KubeRequest) => unknown;
}

/** Everything is allowed unless `answer` says otherwise. */
export function startFakeApi(options: FakeApiOptions = {}): FakeApi {
  const kube = fakeKube({ answer: (request) => options.answer?.(request) ?? review(request) });
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const url = new URL(request.url);
      const text = await request.text();
      try {
        const answer = await kube.request({
          method: request.method as KubeRequest["method"],
          path: url.pathname + url.search,
          ...(text === "" ? {} : { body: JSON.parse(text) as JsonObject }),
          contentType: request.headers.get("content-type") ?? "application/json",
        });
        return Response.json(answer, { status: request.method === "POST" ? 201 : 200 });
      } catch (error) {
        if (!(error instanceof KubeError)) throw error;
        const { status: code, reason, message } = error;
        return Response.json(
          { kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message },
          { status: code },
        );
      }
    },
  });
  const address = `http://127.0.0.1:${server.port}`;
  return {
    kube,
    server: address,
    kubeconfig: async (folder) => {
      const path = join(folder, "kubeconfig");
      await Bun.write(path, JSON.stringify(kubeconfigFor(address)));
      return path;
    },
    [Symbol.asyncDispose]: async () => server.stop(true),
  };
}

/** A kubeconfig is YAML, and JSON is YAML. */
export function kubeconfigFor(server: string, user: JsonObject = { token: "secret" }): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server, "insecure-skip-tls-verify": true } }],
    users: [{ name: "tester", user }],
    contexts: [{ name: "test", context: { cluster: "test", user: "tester" } }],
    "current-context": "test",
  };
}

function review(request: KubeRequest): unknown {
  if (!request.path.endsWith("/selfsubjectaccessreviews") || !isObject(request.body)) return undefined;
  return { ...request.body, status: { allowed: true } };
}
