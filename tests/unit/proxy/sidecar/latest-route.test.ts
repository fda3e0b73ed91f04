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
  const ask = (question: RouteQuestion): unknown => route.of(question, question.mark);
  return { table, ask, asked: () => asked };
}

test("the same question is asked once", () => {
  const { ask, asked } = counted();
  expect([ask(QUESTION), ask({ ...QUESTION })]).toEqual([1, 1]);
  expect(asked()).toBe(1);
});

test("another question, and the first again, are asked anew", () => {
  const { ask } = counted();
  for (const other of [{ authority: "api" }, { routeAs: undefined }, { mark: "dev/web" }]) {
    const before = ask(QUESTION);
    expect(ask({ ...QUESTION, ...other })).not.toBe(before);
    expect(ask(QUESTION)).not.toBe(before);
  }
});

test("a changed table is asked anew", () => {
  const { table, ask } = counted();
  expect(ask(QUESTION)).toBe(1);
  table.revision += 1;
  expect(ask(QUESTION)).toBe(2);
});

test("where one of several endpoints was picked, every request picks", () => {
  const { ask, asked } = counted((_asked, pick) => pick(1));
  expect([ask(QUESTION), ask(QUESTION)]).toEqual([0, 0]);
  expect(asked()).toBe(2);
});
