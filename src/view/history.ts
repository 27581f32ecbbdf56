import { type Element, h, section } from "./element.ts";
import { type Upgraded, upgradesTogether, type ViewFacts } from "./facts.ts";
import { bytes, counted, duration, moment } from "./words.ts";

const MOST = 200;
const WIDTH = 640;
const HEIGHT = 120;
const LEFT = 70;
const BOTTOM = 18;

interface Measure {
  title: string;
  of: (upgraded: Upgraded) => number;
  words: (value: number) => string;
}

const MEASURES: Measure[] = [
  { title: "Pause", of: ({ report }) => report.pauseMs, words: duration },
  {
    title: "Longest wait of a connection",
    of: ({ report }) => report.quietMs.max,
    words: duration,
  },
  {
    title: "State carried",
    of: ({ report }) => report.states.reduce((sum, state) => sum + state.bytes, 0),
    words: bytes,
  },
];

/** How pauses and sizes went, upgrade after upgrade: of several hosts, where it was most. */
export function historySection(facts: ViewFacts): Element | false {
  const upgrades = upgradesTogether(facts)
    .filter(([first]) => first?.report.result === "committed")
    .slice(0, MOST)
    .reverse();
  if (upgrades.length < 2) return false;
  return section(
    "history",
    `History of ${counted(upgrades.length, "upgrade")}`,
    ...MEASURES.map((measure) => chart(upgrades, measure)),
  );
}

function chart(upgrades: readonly Upgraded[][], { title, of, words }: Measure): Element {
  const values = upgrades.map((together) => Math.max(...together.map(of)));
  const most = Math.max(...values);
  const top = most === 0 ? 1 : most;
  const step = (WIDTH - LEFT - 10) / Math.max(1, upgrades.length - 1);
  const x = (index: number) => LEFT + index * step;
  const y = (value: number) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - BOTTOM - 12);
  const path = values.map((value, index) => `${index === 0 ? "M" : "L"}${x(index)} ${y(value)}`);
  const label = `${title}: at most ${words(most)}, last ${words(values.at(-1)!)}`;
  return h(
    "figure",
    null,
    h("figcaption", null, label),
    h(
      "svg",
      { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
      h("line", { x1: LEFT, x2: WIDTH, y1: y(0), y2: y(0) }),
      h("text", { x: LEFT - 8, y: y(top) + 4, "text-anchor": "end" }, words(most)),
      h("text", { x: LEFT - 8, y: y(0) + 4, "text-anchor": "end" }, "0"),
      h("path", { d: path.join("") }),
      ...upgrades.map((together, index) =>
        h(
          "circle",
          { cx: x(index), cy: y(values[index]!), r: 3 },
          h("title", null, `${whatOf(together)}: ${words(values[index]!)}`),
        ),
      ),
    ),
  );
}

function whatOf([first, ...more]: readonly Upgraded[]): string {
  if (first === undefined) return "";
  const { host, report } = first;
  const where = more.length === 0 ? host : counted(more.length + 1, "host");
  return `${moment(report.at)} ${where}, ${report.from} → ${report.to}`;
}
