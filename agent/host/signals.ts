/** Signals that a container runtime, `kubectl exec kill` or a terminal may send to the first process of a container. */
const FORWARDED = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const;

/** Passes them on to `target` until the answer is called. */
export function forwardSignals(target: (name: NodeJS.Signals) => void): () => void {
  for (const name of FORWARDED) process.on(name, target);
  return () => {
    for (const name of FORWARDED) process.off(name, target);
  };
}
