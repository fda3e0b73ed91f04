import { describe, expect, test } from "bun:test";
import { ReceiveWindow } from "../../../../proxy/http2/receive-window.ts";

describe("ReceiveWindow", () => {
  test("takes as much as it was made for, and no more", () => {
    const window = new ReceiveWindow(100);
    expect([window.take(60), window.take(40), window.take(0), window.take(1)]).toEqual([true, true, true, false]);
  });

  test("gathers credit until it is a quarter, and takes as much again", () => {
    const window = new ReceiveWindow(100);
    window.take(100);
    window.earn(24);
    expect(window.credit()).toBe(0);
    window.earn(1);
    expect([window.credit(), window.credit()]).toEqual([25, 0]);
    expect([window.take(25), window.take(1)]).toEqual([true, false]);
  });
});
