/** Rows of cells, the head first. The first column holds text, all others hold figures. */
export type Table = readonly (readonly string[])[];

export function textTable(table: Table): string {
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  return table
    .map((row) => row.map((cell, column) => pad(cell, widths[column]!, column)).join('  '))
    .join('\n');
}

export function markdownTable([head = [], ...rows]: Table): string {
  const rule = head.map((_, column) => (column === 0 ? '---' : '--:'));
  return [head, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}
