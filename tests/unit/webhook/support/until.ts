/** Resolves when `condition` holds; other work of the process goes on meanwhile. The test's own limit bounds it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await Bun.sleep(1);
}
