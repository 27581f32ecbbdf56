/** A plan in words, for a terminal of 80 columns. */
import type { Instruction, Plan } from "./instructions.ts";

export function explainPlan(plan: Plan): string {
  if (plan.strategy === "none") return `${plan.from} → ${plan.to}: ${plan.reasons[0]}`;
  const lines = [`${plan.from} → ${plan.to}: ${plan.strategy}`];
  for (const reason of plan.reasons) lines.push(`  because ${reason}`);
  lines.push("what differs:");
  const width = Math.max(...plan.differences.map((difference) => difference.component.length));
  for (const { component, from, to } of plan.differences) {
    lines.push(`  ${component.padEnd(width)}  ${from} → ${to}`);
  }
  lines.push("relup:");
  plan.instructions.forEach((instruction, index) => {
    lines.push(`  ${String(index + 1).padStart(2)}. ${describe(instruction)}`);
  });
  for (const { code, details } of plan.obstacles) {
    const words = Object.entries(details).map(([key, value]) => `${key} ${value}`);
    lines.push(`refused: ${code} (${words.join(", ")})`);
  }
  return lines.join("\n");
}

function describe(instruction: Instruction): string {
  const { op, why } = instruction;
  switch (op) {
    case "load":
      return `load ${instruction.process} (slots: ${instruction.slots}): ${why}`;
    case "rehearse":
    case "carry":
      return `${op} ${instruction.component} ${instruction.from} → ${instruction.to} (${why})`;
    case "stop":
    case "freeze":
    case "activate":
    case "moveConnections":
      return `${op} ${instruction.process}: ${why}`;
    case "pointOfNoReturn":
      return "── point of no return ──";
    default:
      return `${op}: ${why}`;
  }
}
