/** One column of a table for a terminal: a text on the left, or figures on the right. */
export interface Column<Row> {
  readonly title: string;
  readonly align: "left" | "right";
  readonly cell: (row: Row) => string;
  /** Where there is no room for all, those with the highest number go first; 0 always stays. */
  readonly rank: number;
}

const gap = "  ";

/**
 * Rows below the columns' titles, as many columns as fit; the titles come first.
 * @returns undefined when not even those fit that always stay
 */
export function tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
): readonly string[] | undefined {
  const shown = columns.map((column) => {
    const cells = [column.title, ...rows.map(column.cell)];
    return { column, cells, width: Math.max(...cells.map((cell) => cell.length)) };
  });
  const widthOf = (of: typeof shown): number =>
    of.reduce((sum, column) => sum + column.width, gap.length * (of.length - 1));
  let kept = shown;
  while (widthOf(kept) > width) {
    const rank = Math.max(...kept.map(({ column }) => column.rank));
    if (rank === 0) return undefined;
    kept = kept.filter(({ column }) => column.rank < rank);
  }
  return [-1, ...rows.keys()].map((row) =>
    kept
      .map(({ column, cells, width: cellWidth }) => {
        const cell = cells[row + 1] ?? "";
        return column.align === "left" ? cell.padEnd(cellWidth) : cell.padStart(cellWidth);
      })
      .join(gap)
      .trimEnd(),
  );
}
