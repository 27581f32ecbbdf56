/** Bars in time, one below the other: the steps of an upgrade, the hosts of a deploy. */
import { type Element, h } from "./element.ts";

export interface Bar {
  name: string;
  startMs: number;
  ms: number;
  value: string;
  /** Told where the reader asks. */
  title: string;
  failed: boolean;
}

export interface Span {
  startMs: number;
  ms: number;
  title: string;
}

export function bars(rows: readonly Bar[], marked?: Span): Element {
  const totalMs = Math.max(1, ...rows.map(({ startMs, ms }) => startMs + ms));
  const percent = (ms: number) => `${((ms / totalMs) * 100).toFixed(2)}%`;
  const place = ({ startMs, ms }: { startMs: number; ms: number }) =>
    `left:${percent(startMs)};width:${percent(ms)}`;
  const list = h(
    "ol",
    { class: "bars" },
    ...rows.map((row) =>
      h(
        "li",
        { title: row.title },
        h("span", { class: "name" }, row.name),
        h(
          "span",
          { class: "track" },
          marked && h("span", { class: "marked", style: place(marked), title: marked.title }),
          h("span", { class: row.failed ? "bar failed" : "bar", style: place(row) }),
        ),
        h("span", { class: "value" }, row.value),
      ),
    ),
  );
  if (marked === undefined) return list;
  return h("div", null, h("p", { class: "legend" }, marked.title), list);
}
