import { expect, test } from "bun:test";
import { Collection } from "../../../../controller/index/collection.ts";
import { asNumber, at } from "../../../../core/parse.ts";

function object(name: string, value?: number): object {
  return { metadata: { namespace: "dev", name }, ...(value === undefined ? {} : { value }) };
}

function collection(): Collection<number> {
  return new Collection((entry) => asNumber(at(entry, "value")));
}

test("Collection keeps parsed objects by namespace and name and tells each change", () => {
  const numbers = collection();
  expect(numbers.apply({ type: "added", object: object("a", 1) })).toEqual([
    { key: "dev/a", before: undefined, after: 1 },
  ]);
  expect(numbers.apply({ type: "modified", object: object("a", 2) })).toEqual([{ key: "dev/a", before: 1, after: 2 }]);
  expect(numbers.get("dev/a")).toBe(2);
  expect(numbers.apply({ type: "deleted", object: object("a", 2) })).toEqual([
    { key: "dev/a", before: 2, after: undefined },
  ]);
  expect([...numbers.values()]).toEqual([]);
});

test("Collection drops an object that stops being of interest and says nothing of one that never was", () => {
  const numbers = collection();
  expect(numbers.apply({ type: "added", object: object("a") })).toEqual([]);
  numbers.apply({ type: "added", object: object("b", 1) });
  expect(numbers.apply({ type: "modified", object: object("b") })).toEqual([
    { key: "dev/b", before: 1, after: undefined },
  ]);
});

test("Collection keeps the old objects while the list comes again and drops the missing ones at its end", () => {
  const numbers = collection();
  for (const name of ["a", "b"]) numbers.apply({ type: "added", object: object(name, 1) });
  numbers.apply({ type: "synced" });
  numbers.apply({ type: "reset" });
  expect([...numbers.values()]).toEqual([1, 1]);
  numbers.apply({ type: "added", object: object("b", 1) });
  expect(numbers.apply({ type: "synced" })).toEqual([{ key: "dev/a", before: 1, after: undefined }]);
});

test("Collection is synced after its first list and stays so", () => {
  const numbers = collection();
  numbers.apply({ type: "reset" });
  expect(numbers.synced).toBe(false);
  numbers.apply({ type: "synced" });
  numbers.apply({ type: "reset" });
  expect(numbers.synced).toBe(true);
});
