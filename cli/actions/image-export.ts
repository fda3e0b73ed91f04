import { resolve } from "node:path";
import type { Context } from "../context.ts";
import { stepper } from "../engine/steps.ts";
import { exportImage } from "../image/export.ts";
import { waysToLoad } from "../image/loading.ts";
import { imageReference } from "../image/reference.ts";

interface Args {
  readonly file: string;
  readonly reference?: string | undefined;
}

/** @throws AzdsError IMAGE_NOT_AVAILABLE when this executable cannot become an image */
export async function run({ file, reference: asked }: Args, { host, emit }: Context): Promise<number> {
  const step = stepper(emit, host.clock);
  const { reference, bytes } = await step("export", `Writing ${file}`, async () => {
    const name = asked ?? (await imageReference(host.executable));
    return {
      reference: name,
      bytes: await exportImage({ executable: host.executable, file: resolve(host.cwd, file), reference: name }),
    };
  });
  emit({ type: "result", name: "image", data: { file, reference, bytes } });
  const say = (text: string): void => emit({ type: "message", level: "info", text });
  say(`Image ${reference}. Ways to bring it to the nodes:`);
  for (const way of waysToLoad(file, reference)) say(`  ${way}`);
  return 0;
}
