/** Blobs of the node's store, by digest, through BuildKit. */
import { AzdsError } from "../core/errors.ts";
import { readBlobArgv } from "./buildctl.ts";
import { type BuildctlPorts, withBuildctl } from "./built-image.ts";

/** Whether the store has the blob: its first bytes are enough. */
export async function hasBlob(ports: Pick<BuildctlPorts, "buildctl" | "env">, digest: string): Promise<boolean> {
  const blob = readBlob(ports, digest);
  try {
    return (await blob.next()).done !== true;
  } finally {
    await blob.return(0);
  }
}

/** @throws AzdsError IMAGE_NOT_AVAILABLE when the store does not have all of it */
export async function sendBlob(
  ports: Pick<BuildctlPorts, "buildctl" | "env">,
  digest: string,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const blob = readBlob(ports, digest);
  let sent = 0;
  for (let next = await blob.next(); ; next = await blob.next()) {
    if (next.done === true) {
      if (next.value === 0 && sent > 0) return;
      throw new AzdsError("IMAGE_NOT_AVAILABLE", `The node does not have all of \`${digest}\``);
    }
    sent += next.value.length;
    await write(next.value);
  }
}

/** Yields its bytes and returns buildctl's exit code; buildctl ends with whoever stops reading. */
async function* readBlob(
  { buildctl, env }: Pick<BuildctlPorts, "buildctl" | "env">,
  digest: string,
): AsyncGenerator<Uint8Array, number, undefined> {
  const argv = readBlobArgv(buildctl, digest);
  const child = await withBuildctl(async () =>
    Bun.spawn([...argv], { env: { ...env }, stdio: ["ignore", "pipe", "ignore"] }),
  );
  try {
    yield* child.stdout;
    return await child.exited;
  } finally {
    child.kill("SIGKILL");
  }
}
