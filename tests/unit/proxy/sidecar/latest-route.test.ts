import { expect, test } from "bun:test";
import { LatestRoute, type RouteQuestion } from "../../../../proxy/sidecar/latest-route.ts";

const QUESTION: RouteQuestion = { authority: "web", routeAs: "alice", mark: undefined };

function counted(find: (asked: number, pick: (count: number) => number) => unknown = (asked) => asked) {
  const table = { revision: 1 };
  let asked = 0;
  const route = new LatestRoute(table, ({ pick }) => {
    asked += 1;
    return find(asked, pick);
  });
  return { table, route, asked: () => asked };
}

test("the same question is asked once", () => {
  const { route, asked } = counted();
  expect([route.of(QUESTION), route.of({ ...QUESTION })]).toEqual([1, 1]);
  expect(asked()).toBe(1);
});

test("another question, and the first again, are asked anew", () => {
  const { route } = counted();
  for (const other of [{ authority: "api" }, { routeAs: undefined }, { mark: "dev/web" }]) {
    const before = route.of(QUESTION);
    expect(route.of({ ...QUESTION, ...other })).not.toBe(before);
    expect(route.of(QUESTION)).not.toBe(before);
  }
});

test("a changed table is asked anew", () => {
  const { table, route } = counted();
  expect(route.of(QUESTION)).toBe(1);
  table.revision += 1;
  expect(route.of(QUESTION)).toBe(2);
});

test("where one of several endpoints was picked, every request picks", () => {
  const { route, asked } = counted((_asked, pick) => pick(1));
  expect([route.of(QUESTION), route.of(QUESTION)]).toEqual([0, 0]);
  expect(asked()).toBe(2);
});
