import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { sniff } from "../../../../proxy/http/sniff.ts";

function of(text: string): string {
  return sniff(Buffer.from(text, "latin1"));
}

describe("sniff()", () => {
  test("calls HTTP only what has a full request line", () => {
    expect(of("GET / HTTP/1.1\r\n")).toBe("http1");
    expect(of("\r\nGET / HTTP/1.0\r\nHost")).toBe("http1");
    expect(of("M-SEARCH * HTTP/1.1\r\n")).toBe("http1");
    for (const text of ["", "G", "GET", "GET ", "GET / HTTP/1.1", "GET / HTTP/1.1\r", "\r"])
      expect(of(text)).toBe("need-more");
  });

  test("calls other what cannot become a request line", () => {
    const others = [
      "\x16\x03\x01\x02\x00\x01", // TLS ClientHello
      "*1\r\n$4\r\nPING\r\n", // Redis
      "PING\r\n", // Redis inline, NATS
      "\x00\x00\x00\x08\x04\xd2\x16\x2f", // PostgreSQL SSLRequest
      "GET key\r\n", // memcached-like
      "GET / HTTP/2.0\r\n",
      "GET / HTTP/1.1\n",
      "SSH-2.0-OpenSSH_9\r\n",
      '{"json": 1}\n',
      "a".repeat(40),
    ];
    for (const text of others) expect(of(text)).toBe("other");
  });

  test("does not wait for what comes behind endless empty lines", () => {
    expect(of("\r\n".repeat(1000))).toBe("need-more");
    expect(of("\r\n".repeat(40_000))).toBe("other");
  });

  test("waits for the whole preface of HTTP/2", () => {
    const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for (let end = 1; end < preface.length; end += 1) expect(of(preface.slice(0, end))).toBe("need-more");
    expect(of(`${preface}\0\0\0`)).toBe("http2-preface");
  });

  test("never changes its mind", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.constantFrom("", "GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n", "POST "),
        fc.nat(80),
        (tail, lead, at) => {
          const whole = Buffer.concat([Buffer.from(lead), Buffer.from(tail)]);
          const early = sniff(whole.subarray(0, at));
          if (early !== "need-more") expect(sniff(whole)).toBe(early);
        },
      ),
    );
  });
});
