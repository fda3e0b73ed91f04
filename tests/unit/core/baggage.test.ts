import { describe, expect, test } from "bun:test";
import { spaceInBaggage, withoutSpace } from "../../../core/baggage.ts";

describe("spaceInBaggage()", () => {
  test.each([
    ["azds-route-as=alice", "alice"],
    ["a=1, azds-route-as = Alice ;p=2 , b=3", "alice"],
    ["azds-route-as=al%69ce", "alice"],
    ["a=azds-route-as", undefined],
    ["x-azds-route-as=alice", undefined],
    ["azds-route-as", undefined],
    ["azds-route-as=%zz", undefined],
    ["azds-route-as=", undefined],
    ["", undefined],
  ])("reads %j as %p", (baggage, space) => {
    expect(spaceInBaggage(baggage)).toBe(space);
  });
});

test("withoutSpace() leaves what others put there", () => {
  expect(withoutSpace("a=1, azds-route-as=alice;p=2,b=3")).toBe("a=1,b=3");
  expect(withoutSpace("azds-route-as=alice")).toBe("");
});
