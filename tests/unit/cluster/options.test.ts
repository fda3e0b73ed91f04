import { expect, test } from "bun:test";
import { parseOptions } from "../../cluster/options.ts";

test("parseOptions() reads each command", () => {
  expect(parseOptions(["up"])).toEqual({ command: "up", nodes: 1, runtime: "containerd" });
  expect(parseOptions(["up", "--nodes", "2", "--state", "x"])).toEqual({
    command: "up",
    nodes: 2,
    runtime: "containerd",
    stateDir: "x",
  });
  expect(parseOptions(["load-image", "a.tar"])).toEqual({ command: "load-image", file: "a.tar" });
  expect(parseOptions(["logs"])).toEqual({ command: "logs", component: undefined });
  expect(parseOptions(["--help"])).toEqual({ command: "help" });
});

test.each([
  [["fly"]],
  [["up", "--nodes", "3"]],
  [["up", "now"]],
  [["load-image"]],
  [["down", "--nodes", "2"]],
  [["up", "--fast"]],
])("parseOptions() says what is wrong with %p", (argv) => {
  const options = parseOptions(argv);
  expect(options.command).toBe("help");
  expect("error" in options && options.error).toBeString();
});
