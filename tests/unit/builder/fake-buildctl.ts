/** A `buildctl` that replays a recording: made as a shell script in a folder of the test. */
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Buildctl } from "../../../builder/buildctl.ts";
import { type Recording, recordingFile } from "./recorded.ts";

export interface FakeBuildctlOptions {
  readonly recording: Recording;
  readonly exitCode: number;
  /** Seconds before it ends; with a pid file, so that a test can see whether it still runs. */
  readonly sleepSeconds?: number;
}

export const CONFIG_DIGEST = "sha256:c0ffee";

const IMAGE = JSON.stringify({
  config: { User: "1000", Env: ["PATH=/bin"], Entrypoint: ["/bin/sh", "-c"], Cmd: ["cat a.txt"], WorkingDir: "/app" },
});
const METADATA = JSON.stringify({
  "containerimage.config.digest": CONFIG_DIGEST,
  "containerimage.digest": "sha256:abc",
});

/** The script notes its words in `<folder>/words` and its process in `<folder>/pid`. */
export async function fakeBuildctl(folder: string, options: FakeBuildctlOptions): Promise<Buildctl> {
  const file = join(folder, "buildctl");
  const script = `#!/bin/sh
if [ "$3" = debug ]; then
  [ "$4" = workers ] || [ "$5" = ${CONFIG_DIGEST} ] && echo '${IMAGE}'
  exit $?
fi
printf '%s\\n' "$@" > ${folder}/words
echo $$ > ${folder}/pid
cat ${recordingFile(options.recording)} >&2
${options.sleepSeconds === undefined ? "" : `exec sleep ${options.sleepSeconds}`}
while [ $# -gt 1 ]; do
  [ "$1" = --metadata-file ] && echo '${METADATA}' > "$2"
  shift
done
exit ${options.exitCode}
`;
  await writeFile(file, script);
  await chmod(file, 0o755);
  return { file, socket: "/nowhere.sock" };
}
