import { afterAll, expect, test } from "bun:test";
import { parseAddress } from "../../../../cli/explain/address.ts";
import { newTraceparent, sendOut } from "../../../../cli/explain/send.ts";
import { traceOf } from "../../../../cli/engine/traces/short-id.ts";

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request) => {
    const { method, url, headers } = request;
    const { pathname, search } = new URL(url);
    seen.push(`${method} ${headers.get("host")} ${pathname}${search} ${headers.get("x")}`);
    return new Response("gone", { status: 302, headers: { location: "/elsewhere" } });
  },
});
const seen: string[] = [];
afterAll(async () => server.stop(true));

const { signal } = new AbortController();

test("sendOut() sends what it is told, once, and follows nothing", async () => {
  const address = parseAddress(`http://127.0.0.1:${server.port}/a?b=c`);
  const answer = await sendOut({ method: "DELETE", address, fields: { x: "y" } }, signal);
  expect({ ...answer, ms: 0 }).toEqual({ status: 302, ms: 0, bodyBytes: 4 });
  expect(seen).toEqual([`DELETE 127.0.0.1:${server.port} /a?b=c y`]);
});

test("sendOut() says that nobody answers", async () => {
  const address = parseAddress("http://127.0.0.1:1/a");
  const sent = sendOut({ method: "GET", address, fields: {} }, signal);
  expect(await sent.catch(String)).toStartWith("AzdsError: `GET 127.0.0.1:1/a` got no answer: ");
});

test("newTraceparent() makes traces of their own", () => {
  const [one, other] = [newTraceparent(), newTraceparent()];
  expect(traceOf(one)?.trace).toHaveLength(32);
  expect(traceOf(one)?.trace).not.toBe(traceOf(other)?.trace);
});
