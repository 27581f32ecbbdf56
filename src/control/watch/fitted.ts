/** As much of a text as there is room for; what is cut says so. */
export function fitted(text: string, columns: number, rows: number): string[] {
  const lines = text.split("\n").map((line) => cut(line, columns));
  if (lines.length <= rows) return lines;
  const shown = lines.slice(0, Math.max(0, rows - 1));
  return [...shown, cut(`… ${lines.length - shown.length} more lines`, columns)];
}

function cut(line: string, columns: number): string {
  const characters = [...line];
  return characters.length <= columns ? line : `${characters.slice(0, columns - 1).join("")}…`;
}
