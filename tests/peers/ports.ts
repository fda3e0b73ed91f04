/** Ports for programs that must be told theirs. */
const CONNECT_TRIES_MAX = 300;
const CONNECT_EVERY_MS = 100;

/** Free at this moment. */
export function freePort(): number {
  const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  taken.stop(true);
  return taken.port;
}

/** Resolves once something listens there. */
export async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < CONNECT_TRIES_MAX; tries += 1) {
    try {
      (await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => {} } })).end();
      return;
    } catch {
      await Bun.sleep(CONNECT_EVERY_MS);
    }
  }
  throw new Error(`Nothing listens on port ${port}`);
}
