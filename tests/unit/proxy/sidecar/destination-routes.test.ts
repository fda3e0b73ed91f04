import { expect, test } from "bun:test";
import { DESTINATIONS_MAX } from "../../../../core/limits.ts";
import { DestinationRoutes } from "../../../../proxy/sidecar/destination-routes.ts";

const WEB = { address: "10.96.0.1", port: 80 };
const ALICE = { authority: "web", routeAs: "alice" };

function counted(picks = false) {
  const table = { revision: 1 };
  let searches = 0;
  const routes = new DestinationRoutes(table, ({ address, port }, { routeAs, pick }) => {
    searches += 1;
    return `${address}:${port} ${routeAs} ${picks ? pick(1) : searches}`;
  });
  return { table, routes, searches: () => searches };
}

test("another connection to the same place does not search again", () => {
  const { routes, searches } = counted();
  const found = [routes.of(WEB).of(ALICE, undefined), routes.of({ ...WEB }).of(ALICE, undefined)];
  expect([found, searches()]).toEqual([["10.96.0.1:80 alice 1", "10.96.0.1:80 alice 1"], 1]);
});

test("another place, port, space or table does", () => {
  const { table, routes, searches } = counted();
  routes.of(WEB).of(ALICE, undefined);
  routes.of({ ...WEB, address: "10.96.0.2" }).of(ALICE, undefined);
  routes.of({ ...WEB, port: 81 }).of(ALICE, undefined);
  expect(searches()).toBe(3);
  routes.of(WEB).of({ ...ALICE, routeAs: "bob" }, undefined);
  expect(searches()).toBe(4);
  table.revision += 1;
  routes.of(WEB).of({ ...ALICE, routeAs: "bob" }, undefined);
  expect(searches()).toBe(5);
});

test("connections whose requests differ do not make each other search", () => {
  const { routes, searches } = counted();
  const [alice, bob] = [routes.of(WEB), routes.of(WEB)];
  for (let i = 0; i < 3; i += 1) {
    alice.of(ALICE, undefined);
    bob.of({ ...ALICE, routeAs: "bob" }, undefined);
  }
  expect(searches()).toBe(2);
});

test("where one of several endpoints was picked, every request of every connection picks", () => {
  const { routes, searches } = counted(true);
  const connection = routes.of(WEB);
  for (const route of [connection, connection, routes.of(WEB)]) route.of(ALICE, undefined);
  expect(searches()).toBe(3);
});

test("no more destinations are remembered than the limit says", () => {
  const { routes, searches } = counted();
  for (let i = 0; i <= DESTINATIONS_MAX; i += 1) routes.of({ ...WEB, port: i }).of(ALICE, undefined);
  const before = searches();
  routes.of({ ...WEB, port: DESTINATIONS_MAX }).of(ALICE, undefined);
  expect(searches()).toBe(before);
  routes.of({ ...WEB, port: 0 }).of(ALICE, undefined);
  expect(searches()).toBe(before + 1);
});
