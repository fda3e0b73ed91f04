import { expect, test } from "bun:test";
import { BackGlobs, unsuitableGlob } from "../../../../core/sync/back-globs.ts";

test.each(["package-lock.json", "src/**/*.gen.ts", "**/*.{lock,sum}", "!**/tmp/**", "node_modules/**", "src/[ab]?.ts"])(
  "unsuitableGlob: %s can be used",
  (glob) => expect(unsuitableGlob(glob)).toBeUndefined(),
);

test.each([
  ["/etc/passwd", "must be relative to the build context"],
  ["~/x", "must be relative to the build context"],
  ["C:/x", "must be relative to the build context"],
  ["../x", "must not have `..`, `.` or an empty name between slashes"],
  ["src//x", "must not have `..`, `.` or an empty name between slashes"],
  ["", "must not have `..`, `.` or an empty name between slashes"],
  ["**", "names every file; name those that are wanted"],
  ["**/*", "names every file; name those that are wanted"],
  ["!*", "names every file; name those that are wanted"],
  [".git/hooks/*", "names what never comes from a container"],
  ["azds.yaml", "names what never comes from a container"],
  ["{a/b,c}/x", "must not have a `/` within `{…}`"],
])("unsuitableGlob: %s %s", (glob, why) => expect(unsuitableGlob(glob)).toBe(why));

test.each([
  [["package-lock.json"], "package-lock.json", true],
  [["package-lock.json"], "web/package-lock.json", false],
  [["**/*.lock"], "yarn.lock", true],
  [["**/*.lock"], "a/b/yarn.lock", true],
  [["**/*.lock", "!a/**"], "a/b/yarn.lock", false],
  [["**/*.lock"], "node_modules/x/yarn.lock", false],
  [["node_modules/**"], "node_modules/x/y.js", true],
  [["node_modules/**"], "node_modules/x/node_modules/y.js", false],
  [["src/gen/**"], "src/gen/a/b.ts", true],
  [["*.{lock,sum}"], "go.sum", true],
  [["**/hooks/*"], ".git/hooks/pre-commit", false],
  [["**/hooks/*"], ".GIT/hooks/pre-commit", false],
  [["**/hooks/*"], ".g\u200Cit/hooks/pre-commit", false],
  [["*.yaml"], "azds.yaml", false],
  [["**/*"], "a/.azds-sync/1", false],
])("BackGlobs: %j matches %s: %p", (globs, path, matches) => expect(new BackGlobs(globs).matches(path)).toBe(matches));

test.each([
  [["package-lock.json"], "", true],
  [["package-lock.json"], "src", false],
  [["src/*/gen/*.ts"], "src", true],
  [["src/*/gen/*.ts"], "src/a", true],
  [["src/*/gen/*.ts"], "src/a/other", false],
  [["src/*/gen/*.ts"], "src/a/gen/deep", false],
  [["**/*.lock"], "a/b", true],
  [["**/*.lock"], "a/node_modules", false],
  [["**/*.lock"], ".git", false],
])("BackGlobs: something of %j may lie below %s: %p", (globs, folder, mayHold) =>
  expect(new BackGlobs(globs).mayHold(folder)).toBe(mayHold),
);
