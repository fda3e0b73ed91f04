import { afterEach, describe, expect, test } from "bun:test";
import net from "node:net";
import { createKubeClient } from "../../../../core/kube/client.ts";
import { KubeError } from "../../../../core/kube/types.ts";
import { codeOf } from "../wire/support.ts";
import { connectionTo, statusResponse, stopServers, withServer } from "./support.ts";

afterEach(stopServers);

async function kubeError(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof KubeError
    ? `${error.status} ${error.reason}: ${error.message}`
    : `not a KubeError: ${String(error)}`;
}

describe("createKubeClient()", () => {
  test("request() sends method, path, body, type and headers, and gives the parsed answer", async () => {
    const client = createKubeClient(
      withServer(async (request) =>
        Response.json({
          method: request.method,
          path: new URL(request.url).pathname + new URL(request.url).search,
          type: request.headers.get("content-type"),
          user: request.headers.get("authorization"),
          body: await request.json(),
        }),
      ),
    );
    expect(
      await client.request({
        method: "PATCH",
        path: "/api/v1/x?a=b",
        body: { c: 1 },
        contentType: "application/merge-patch+json",
      }),
    ).toEqual({
      method: "PATCH",
      path: "/api/v1/x?a=b",
      type: "application/merge-patch+json",
      user: "Bearer test",
      body: { c: 1 },
    });
  });

  test("keeps status, reason and words of a refusal", async () => {
    const client = createKubeClient(withServer(() => statusResponse(409, "Conflict", "the object has been modified")));
    expect(await kubeError(client.request({ method: "POST", path: "/x", body: {} }))).toBe(
      "409 Conflict: the object has been modified",
    );
  });

  test("takes the text of a gateway that knows no Status", async () => {
    const client = createKubeClient(withServer(() => new Response("bad gateway\n", { status: 502 })));
    expect(await kubeError(client.find("/x"))).toBe("502 : bad gateway");
    const silent = createKubeClient(withServer(() => new Response(null, { status: 503 })));
    expect(await kubeError(silent.find("/x"))).toBe("503 : The API server answered with HTTP status 503");
  });

  test("find() gives undefined for 404 only", async () => {
    const client = createKubeClient(
      withServer((request) =>
        request.url.endsWith("none")
          ? statusResponse(404, "NotFound", "no")
          : statusResponse(403, "Forbidden", "not you"),
      ),
    );
    expect(await client.find("/none")).toBeUndefined();
    expect(await kubeError(client.find("/secret"))).toBe("403 Forbidden: not you");
  });

  test("list() follows pages, and starts over in one page when its token expires", async () => {
    for (const expires of [false, true]) {
      const asked: string[] = [];
      const client = createKubeClient(
        withServer((request) => {
          const { searchParams } = new URL(request.url);
          asked.push(`${searchParams.get("limit")} ${searchParams.get("continue")}`);
          if (searchParams.get("limit") === null) return Response.json({ metadata: {}, items: [1, 2, 3] });
          if (searchParams.get("continue") === null)
            return Response.json({ metadata: { continue: "t&1" }, items: [1, 2] });
          return expires
            ? statusResponse(410, "Expired", "too old")
            : Response.json({ metadata: { continue: "" }, items: [3] });
        }),
      );
      expect(await client.list("/things?labelSelector=a")).toEqual([1, 2, 3]);
      expect(asked).toEqual(["500 null", "500 t&1", ...(expires ? ["null null"] : [])]);
    }
  });

  test("apply() is a server-side apply as azds", async () => {
    const client = createKubeClient(
      withServer((request) =>
        Response.json([request.method, new URL(request.url).search, request.headers.get("content-type")]),
      ),
    );
    expect(await client.apply("/x", {})).toEqual(["PATCH", "?fieldManager=azds", "application/apply-patch+yaml"]);
    expect(await client.apply("/x", {}, { force: true })).toEqual([
      "PATCH",
      "?fieldManager=azds&force=true",
      "application/apply-patch+yaml",
    ]);
  });

  test("remove() tells whether there was something", async () => {
    const bodies: unknown[] = [];
    const client = createKubeClient(
      withServer(async (request) => {
        bodies.push(await request.text());
        return request.url.endsWith("none") ? statusResponse(404, "NotFound", "no") : Response.json({});
      }),
    );
    expect(await client.remove("/none")).toBe(false);
    expect(await client.remove("/some", { propagation: "Foreground" })).toBe(true);
    expect(bodies).toEqual(["", '{"propagationPolicy":"Foreground"}']);
  });

  test("a silent server is CLUSTER_UNREACHABLE after the time limit, and the caller's abort is the caller's", async () => {
    const client = createKubeClient(withServer(() => new Promise<Response>(() => {})));
    expect(await codeOf(client.request({ method: "GET", path: "/x", timeoutMs: 50 }))).toBe("CLUSTER_UNREACHABLE");
    const abort = new AbortController();
    setTimeout(() => abort.abort(new Error("enough")), 20);
    const aborted = client.find("/x", abort.signal);
    expect(aborted).rejects.toThrow("enough");
    await aborted.catch(() => {});
  });

  test("nobody there is CLUSTER_UNREACHABLE", async () => {
    const server = net.createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as net.AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    expect(await codeOf(createKubeClient(connectionTo(port)).find("/x"))).toBe("CLUSTER_UNREACHABLE");
  });

  test("reading is tried again on a new connection, writing is not", async () => {
    let calls = 0;
    const server = net.createServer((socket) => {
      socket.on("data", () => {
        calls += 1;
        if (calls % 2 === 1) return socket.resetAndDestroy();
        return socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
      });
      socket.on("error", () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const client = createKubeClient(connectionTo((server.address() as net.AddressInfo).port));
    expect(await client.find("/x")).toEqual({});
    expect(calls).toBe(2);
    expect(await codeOf(client.request({ method: "POST", path: "/x", body: {} }))).toBe("CLUSTER_UNREACHABLE");
    expect(calls).toBe(3);
    server.close();
  });

  test("stream() gives the body as it comes, and the refusal of it", async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const client = createKubeClient(
      withServer((request) =>
        request.url.endsWith("log")
          ? new Response(readable)
          : statusResponse(400, "BadRequest", "container is waiting"),
      ),
    );
    const writer = writable.getWriter();
    void writer.write(new TextEncoder().encode("line\n"));
    const reader = (await client.stream({ method: "GET", path: "/log", timeoutMs: 2_000 })).getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("line\n");
    await writer.close();
    expect((await reader.read()).done).toBe(true);
    expect(await kubeError(client.stream({ method: "GET", path: "/waiting" }))).toBe(
      "400 BadRequest: container is waiting",
    );
  });
});
