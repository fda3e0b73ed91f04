import { expect, test } from "bun:test";
import { join } from "node:path";

const HOST = join(import.meta.dir, "..", "..", "..", "cli", "system-host.ts");

test("what is written has left the process when it is drained, also to a slow reader", async () => {
  const program = `
    const { systemHost } = await import(${JSON.stringify(HOST)});
    const { stdout } = systemHost();
    for (let n = 0; n < 5000; n += 1) stdout.write("x".repeat(1000));
    await stdout.drained();
    process.exit(0);
  `;
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "inherit" });
  let size = 0;
  for await (const bytes of child.stdout) {
    size += bytes.length;
    await Bun.sleep(1);
  }
  expect(size).toBe(5_000_000);
});
