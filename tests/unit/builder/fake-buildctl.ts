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
  /** Builds fail for want of room until the cache is pruned. */
  readonly isFull?: boolean;
}

export const CONFIG_DIGEST = `sha256:${"c0".repeat(32)}`;
export const MANIFEST_DIGEST = `sha256:${"ab".repeat(32)}`;
export const LAYER_DIGEST = `sha256:${"1a".repeat(32)}`;

const IMAGE = JSON.stringify({
  config: { User: "1000", Env: ["PATH=/bin"], Entrypoint: ["/bin/sh", "-c"], Cmd: ["cat a.txt"], WorkingDir: "/app" },
});
const FULL = "error: failed to solve: write /var/lib/buildkit/x: no space left on device";
const METADATA = JSON.stringify({
  "containerimage.config.digest": CONFIG_DIGEST,
  "containerimage.digest": MANIFEST_DIGEST,
});

const MANIFEST = JSON.stringify({ config: { digest: CONFIG_DIGEST }, layers: [{ digest: LAYER_DIGEST }] });

/**
 * The script notes its words in `<folder>/words` and its process in `<folder>/pid`. Its store: a successful build makes
 * `<folder>/store`, which holds the image as long as it is there. Its configuration is gone with the builds' history, as
 * in a store of BuildKit's own.
 */
export async function fakeBuildctl(folder: string, options: FakeBuildctlOptions): Promise<Buildctl> {
  const file = join(folder, "buildctl");
  const script = `#!/bin/sh
if [ "$3" = debug ]; then
  [ "$4" = workers ] && exit 0
  [ "$5" = ${CONFIG_DIGEST} ] && [ ! -e ${folder}/forgotten ] && echo '${IMAGE}' && exit 0
  [ -e ${folder}/store ] || exit 1
  [ "$5" = ${MANIFEST_DIGEST} ] && echo '${MANIFEST}' && exit 0
  [ "$5" = ${LAYER_DIGEST} ] && echo layer && exit 0
  exit 1
fi
[ "$3" = prune-histories ] && exec touch ${folder}/forgotten
[ "$3" = prune ] && exec touch ${folder}/pruned
case " $* " in *" --output "*) ;; *) [ -e ${folder}/store ]; exit $? ;; esac
${options.isFull === true ? `[ -e ${folder}/pruned ] || { echo '${FULL}' >&2; exit 1; }` : ""}
printf '%s\\n' "$@" > ${folder}/words
echo $$ > ${folder}/pid
cat ${recordingFile(options.recording)} >&2
${options.sleepSeconds === undefined ? "" : `exec sleep ${options.sleepSeconds}`}
[ ${options.exitCode} = 0 ] && touch ${folder}/store
while [ $# -gt 1 ]; do
  [ "$1" = --metadata-file ] && echo '${METADATA}' > "$2"
  [ "$1" = --oci-layout ] && ls "\${2#*=}/blobs/sha256" > ${folder}/taken
  shift
done
exit ${options.exitCode}
`;
  await writeFile(file, script);
  await chmod(file, 0o755);
  return { file, socket: "/nowhere.sock" };
}
