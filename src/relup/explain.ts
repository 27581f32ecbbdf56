/** A plan in words, for a terminal of 80 columns. */
import type { Instruction, Plan } from "./instructions.ts";

const WIDTH = 80;

export function explainPlan(plan: Plan): string {
  const { from, to, strategy, reasons, differences, instructions, obstacles } = plan;
  if (strategy === "none") return `${from} → ${to}: ${reasons[0]}`;
  const lines = [`${from} → ${to}: ${strategy}`];
  for (const reason of reasons) lines.push(...folded("  because ", reason));
  if (differences.length === 0) lines.push("what differs: only the version");
  else lines.push("what differs:", ...columns(differences.map(differenceRow)));
  if (instructions.length > 0) lines.push("relup:", ...columns(instructions.map(instructionRow)));
  for (const { code, details } of obstacles) {
    const words = Object.entries(details).map(([key, value]) => `${key} ${value}`);
    lines.push(...folded("refused: ", `${code} (${words.join(", ")})`));
  }
  return lines.join("\n");
}

const differenceRow = ({ component, from, to, why }: Plan["differences"][number]) => [
  ` ${component}`,
  `${from} → ${to}`,
  why,
];

function instructionRow(instruction: Instruction, index: number): string[] {
  const { op, component, from, to, why } = instruction;
  const number = `${String(index + 1).padStart(3)}.`;
  if (op === "pointOfNoReturn") return [number, "── point of no return ──"];
  const slots = op === "load" ? instruction.slots : undefined;
  const what = slots === undefined ? component : `${component} (slots: ${slots})`;
  const reason = op === "before" || op === "after" ? `${instruction.run}: ${why}` : why;
  return [`${number} ${op} ${what}`, `${from} → ${to}`, reason];
}

/** As wide as they need to be; the last one goes on below itself where it is too long. */
function columns(rows: string[][]): string[] {
  const widthOf = (column: number) =>
    Math.max(0, ...rows.filter((row) => row.length > 2).map((row) => row[column]!.length));
  const widths = [widthOf(0), widthOf(1)];
  return rows.flatMap((row) => {
    if (row.length < 3) return [` ${row.join(" ")}`];
    const [first, second, last] = row as [string, string, string];
    const head = ` ${first.padEnd(widths[0]!)}  ${second.padEnd(widths[1]!)}  `;
    if (head.length + 24 <= WIDTH) return folded(head, last);
    return [` ${first}  ${second}`, ...folded("       ", last)];
  });
}

/** Words that don't fit go on below, under the end of `head`. */
function folded(head: string, text: string): string[] {
  const indent = " ".repeat(head.length);
  const lines = [head];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    const isEmpty = line.trim() === "" || line === head;
    if (!isEmpty && line.length + 1 + word.length > WIDTH) lines.push(indent + word);
    else lines[lines.length - 1] = isEmpty ? line + word : `${line} ${word}`;
  }
  return lines.map((line) => line.trimEnd());
}
