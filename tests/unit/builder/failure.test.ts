import { describe, expect, test } from "bun:test";
import { explainFailure } from "../../../builder/failure.ts";
import { parseSolveStatus } from "../../../builder/solve-status.ts";
import { type Recording, recordedLines } from "./recorded.ts";

async function explain(name: Recording, log: readonly string[] = []): Promise<string> {
  const said = (await recordedLines(name)).filter((line) => parseSolveStatus(line) === undefined);
  const failure = explainFailure({ said, log });
  expect(failure.code).toBe("BUILD_FAILED");
  return failure.message;
}

describe("explainFailure() on recorded builds", () => {
  test("names line, command, exit code and last output of a command that failed", async () => {
    const command = "for i in 1 2 3; do echo out $i; echo err $i >&2; done; exit 3";
    expect(await explain("failed-run", ["out 3", "err 3"])).toBe(
      `Dockerfile:2: \`${command}\` ended with exit code 3\nout 3\nerr 3`,
    );
  });

  test("names the line of an instruction that does not exist", async () => {
    expect(await explain("unknown-instruction")).toBe("Dockerfile:2: unknown instruction: RUNX (did you mean RUN?)");
  });

  test("names line and file of a COPY without its source", async () => {
    expect(await explain("missing-file")).toBe("Dockerfile:2: `missing.txt` is not in the build context");
  });

  test("names a stage and a Dockerfile that do not exist", async () => {
    expect(await explain("unknown-stage")).toBe("The Dockerfile has no stage `nope`");
    expect(await explain("missing-dockerfile")).toBe("The Dockerfile `nope.Dockerfile` is not in the build context");
  });
});

const OLD = "rpc error: code = Unknown desc = failed to solve with frontend dockerfile.v0: ";

describe("explainFailure()", () => {
  test("tells a builder that is away from a build that failed", () => {
    const words =
      'error: listing workers for Build: failed to list workers: Unavailable: connection error: desc = "transport: ' +
      'Error while dialing: dial unix /run/azds/buildkitd.sock: connect: no such file or directory"';
    expect(explainFailure({ said: [words], log: [] })).toMatchObject({ code: "BUILDER_UNAVAILABLE" });
  });

  test.each([
    [
      "unexpected status from HEAD request to http://r.test:5000/v2/team/web/blobs/sha256:c841: 401 Unauthorized",
      "401 Unauthorized",
    ],
    ["failed to do request: Head: dial tcp: lookup r.test: no such host", "dial tcp: lookup r.test: no such host"],
  ])("tells a registry that did not take the image from a build that failed: %s", (words, why) => {
    const said = [`error: failed to solve: failed to push r.test:5000/team/web:t1: ${words}`];
    const failure = explainFailure({ said, log: [] });
    expect(failure).toMatchObject({ type: "failed", code: "PUSH_FAILED" });
    expect((failure as { message: string }).message).toStartWith("The registry did not take `r.test:5000/team/web:t1`");
    expect((failure as { message: string }).message).toEndWith(why);
  });

  test.each([
    ["executor failed running [/bin/sh -c echo x; exit 3]: exit code: 3", "`echo x; exit 3` ended with exit code 3"],
    ['failed to compute cache key: "/absent" not found: not found', "`absent` is not in the build context"],
    [
      `${OLD}failed to create LLB definition: target stage nope could not be found`,
      "The Dockerfile has no stage `nope`",
    ],
    [
      `${OLD}failed to create LLB definition: dockerfile parse error line 2: unknown instruction: RUNX`,
      "Line 2 of the Dockerfile: unknown instruction: RUNX",
    ],
    [
      `${OLD}failed to read dockerfile: open /var/lib/docker/tmp/buildkit-mount3201/nope: no such file or directory`,
      "The Dockerfile `nope` is not in the build context",
    ],
  ])("knows the words of Docker 20.10: %s", (words, message) => {
    expect(explainFailure({ said: [`error: failed to solve: ${words}`], log: [] })).toMatchObject({ message });
  });

  test("keeps words that it does not know", () => {
    expect(explainFailure({ said: ["error: failed to solve: something new"], log: [] }).message).toBe("something new");
  });

  test("keeps an error of several lines", () => {
    const said = [
      "Dockerfile:7",
      "-".repeat(20),
      "   7 | >>> RUN x",
      "-".repeat(20),
      "error: failed to solve: one",
      "two",
    ];
    expect(explainFailure({ said, log: [] }).message).toBe("Dockerfile:7: one\ntwo");
  });

  test("says so when there is no reason", () => {
    expect(explainFailure({ said: [], log: [] }).message).toBe("BuildKit gave no reason");
  });
});
