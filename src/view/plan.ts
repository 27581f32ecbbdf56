import type { Instruction, Plan } from "../relup/instructions.ts";
import { type Element, h, section } from "./element.ts";

const LANES = ["what differs", "the old version serves", "the pause", "the new version serves"];

/** What the next upgrade would do: what differs, which strategy and why, and the relup as lanes. */
export function planSection(plan: Plan | undefined): Element | false {
  if (plan === undefined) return false;
  const { from, to, strategy, reasons, differences, instructions, obstacles } = plan;
  return section(
    "plan",
    `Next: ${from} → ${to}, ${strategy}`,
    h("p", null, `because ${reasons.join("; ")}`),
    obstacles.length > 0 &&
      h(
        "p",
        { class: "error" },
        `It would be refused: ${obstacles.map(({ code }) => code).join(", ")}`,
      ),
    h(
      "ul",
      { class: "differences" },
      ...differences.map(({ component, from: old, to: now, why }) =>
        h("li", null, h("strong", null, component), ` ${old} → ${now}: ${why}`),
      ),
    ),
    instructions.length > 0 && lanes(instructions),
  );
}

function lanes(instructions: readonly Instruction[]): Element {
  const names = LANES.slice(1);
  const grouped = names.map(() => [] as Instruction[]);
  let lane = 0;
  for (const instruction of instructions) {
    if (lane === 0 && ["freeze", "stop", "pointOfNoReturn"].includes(instruction.op)) lane = 1;
    if (lane === 1 && ["connections", "probation"].includes(instruction.op)) lane = 2;
    grouped[lane]!.push(instruction);
  }
  return h(
    "ol",
    { class: "lanes" },
    ...names.map((name, index) =>
      h(
        "li",
        null,
        h("h3", null, name),
        h("ul", null, ...grouped[index]!.map((instruction) => h("li", null, wordsOf(instruction)))),
      ),
    ),
  );
}

const wordsOf = (instruction: Instruction): string =>
  instruction.op === "pointOfNoReturn"
    ? "── point of no return ──"
    : `${instruction.op} ${instruction.component}`;
