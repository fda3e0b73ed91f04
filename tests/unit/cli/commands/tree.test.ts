import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS, GROUPS } from "../../../../cli/commands/registry.ts";
import { parseLine } from "../../../../cli/commands/tree.ts";
import { AzdsError } from "../../../../core/errors.ts";

const GOLDEN = join(import.meta.dir, "..", "..", "..", "golden", "help");
const COLUMNS = 100;

async function messageOf(line: string): Promise<string> {
  try {
    await parseLine(line.split(" ").filter(Boolean), COLUMNS);
  } catch (error) {
    if (error instanceof AzdsError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "accepted";
}

describe("parseLine() refuses", () => {
  test.each([
    ["", "No command was given"],
    ["space", "`azds space` needs a command"],
    ["image export", "`azds image export` needs <file>"],
    ["spaces", "Unknown command `spaces`; did you mean `space`?"],
    ["cluster ennable", "Unknown command `ennable`; did you mean `enable`?"],
    ["frobnicate", "Unknown command `frobnicate`"],
    ["up --spce x", "Unknown option `--spce`; did you mean `--space`?"],
    ["up -x", "Unknown option `-x`"],
    ["up --space", "`--space` needs a value"],
    ["up --space a --space b", "`--space` was given twice"],
    ["up --gateway-port x", "`--gateway-port` must be a number"],
    ["space create", "Missing `--name`"],
    ["exec", "`azds exec` needs `-- COMMAND [ARGS..]` at its end: the command, after two dashes"],
    ["exec web ls -l", "`azds exec` needs `-- COMMAND [ARGS..]` at its end: the command, after two dashes"],
    ["exec web --", "`azds exec` needs `-- COMMAND [ARGS..]` at its end: the command, after two dashes"],
    ["exec --spce x -- ls", "Unknown option `--spce`; did you mean `--space`?"],
    ["list-up -o xml", '`--output` must be one of "text", "json", not "xml"'],
  ])("%p", async (line, message) => {
    expect(await messageOf(line)).toBe(`USAGE: ${message}`);
  });
});

describe("parseLine() gives", () => {
  test("lists, switches and positionals of `up`", async () => {
    const parsed = await parseLine(["up", "-p", "1:2", "-p", "3:4", "web", "api", "--no-tui", "-d"], COLUMNS);
    if (parsed.kind !== "command") throw new Error(parsed.text);
    expect(parsed.command.command).toBe("up [services..]");
    expect(parsed.args).toMatchObject({
      port: ["1:2", "3:4"],
      services: ["web", "api"],
      noTui: true,
      detach: true,
      clean: false,
    });
  });

  test("what follows `--` to `exec`, as it was written", async () => {
    const exec = await parseLine(["--context", "a", "exec", "-it", "web", "--", "ls", "-l", "--", "--help"], COLUMNS);
    expect(exec).toMatchObject({
      args: { service: "web", stdin: true, tty: true, rest: ["ls", "-l", "--", "--help"] },
      globals: { context: "a" },
    });
  });

  test("the settings that all commands share", async () => {
    const parsed = await parseLine(
      ["space", "list", "-y", "-v", "-o", "json", "--context", "a", "--kubeconfig", "b"],
      COLUMNS,
    );
    if (parsed.kind !== "command") throw new Error(parsed.text);
    expect(parsed.globals).toEqual({ yes: true, verbose: true, output: "json", context: "a", kubeconfig: "b" });
  });

  test.each([
    ["use", "cluster enable"],
    ["remove", "cluster disable"],
    ["prep", "init"],
  ])("for %p the command %p", async (alias, command) => {
    const parsed = await parseLine([alias], COLUMNS);
    expect(parsed).toMatchObject({ kind: "command", command: { command } });
  });

  test("the original's options of `use` a place", async () => {
    const parsed = await parseLine("use -n aks -g group -e Public -s dev/alice -y".split(" "), COLUMNS);
    expect(parsed).toMatchObject({
      kind: "command",
      args: { name: "aks", resourceGroup: "group", endpoint: "Public", space: "dev/alice" },
    });
  });

  test("completions of a group's commands", async () => {
    const parsed = await parseLine(["--get-yargs-completions", "azds", "space", ""], COLUMNS);
    expect(parsed).toMatchObject({
      kind: "text",
      text: expect.stringContaining("select\ncreate\nlist\nremove") as string,
    });
  });
});

describe("help", () => {
  const commands = COMMANDS.flatMap(({ command, aliases = [] }) => [command].concat(aliases));
  const lines = ["", ...Object.keys(GROUPS), ...commands].map((line) => line.replaceAll(/ [[<].*$/g, ""));

  test.each(lines)("of `azds %s` is as recorded", async (line) => {
    const parsed = await parseLine([...line.split(" ").filter(Boolean), "--help"], COLUMNS);
    if (parsed.kind !== "text") throw new Error("no help");
    const golden = Bun.file(join(GOLDEN, `azds${line === "" ? "" : `-${line.replaceAll(" ", "-")}`}.txt`));
    // `UPDATE_GOLDEN=1 bun test` records them anew.
    if (Bun.env["UPDATE_GOLDEN"] === "1") await golden.write(parsed.text);
    expect(parsed.text).toBe(await golden.text());
  });
});

test("the tree loads neither client-node nor React: they are nowhere among its static imports", () => {
  const seen = staticImports(join(import.meta.dir, "..", "..", "..", "..", "cli", "run.ts"));
  expect([...seen].filter((name) => !name.startsWith("/"))).toEqual(["yargs"]);
});

/** Files and packages that importing `entry` loads. */
function staticImports(entry: string): ReadonlySet<string> {
  const transpiler = new Bun.Transpiler({ loader: "tsx" });
  const seen = new Set<string>([entry]);
  for (const file of seen) {
    if (!file.startsWith("/")) continue;
    const imports = transpiler.scanImports(readFileSync(file, "utf8"));
    for (const { path, kind } of imports) {
      if (kind !== "import-statement" || path.startsWith("node:")) continue;
      seen.add(path.startsWith(".") ? join(file, "..", path) : path);
    }
  }
  return seen;
}
