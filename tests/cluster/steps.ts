/** Reports what the program does, one line per finished step, with seconds. */
export type Steps = {
  /** Runs a task and prints a line when it has ended: seconds since the start, label, seconds of the step. */
  readonly step: <T>(label: string, task: () => Promise<T>) => Promise<T>;
  readonly note: (text: string) => void;
  /** Seconds since the start, one decimal. */
  readonly elapsed: () => string;
};

export function createSteps(write: (text: string) => void): Steps {
  const start = performance.now();
  const elapsed = (): string => seconds(performance.now() - start);
  const note = (text: string): void => write(`${elapsed().padStart(6)} s  ${text}\n`);
  async function step<T>(label: string, task: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    const value = await task();
    note(`${label} (${seconds(performance.now() - begun)} s)`);
    return value;
  }
  return { step, note, elapsed };
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1);
}
