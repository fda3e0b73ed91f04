const GAP = "  ";

/** Aligned lines: the columns' names, then the rows. No spaces at the end of a line. */
export function tableLines(columns: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const widths = columns.map((name, index) => Math.max(name.length, ...rows.map((row) => (row[index] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    widths
      .map((width, index) => (cells[index] ?? "").padEnd(width))
      .join(GAP)
      .trimEnd();
  return [line(columns), ...rows.map(line)];
}
