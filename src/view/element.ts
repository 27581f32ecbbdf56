/** HTML and SVG without a template: `h(tag, attributes, ...children)`. */
import { type ComponentChild, h as create, type VNode } from "preact";

export type Child = ComponentChild;
export type Element = VNode;

export const h = (
  tag: string,
  attributes: Record<string, unknown> | null = null,
  ...children: Child[]
): Element => create(tag, attributes as never, ...(children as never[]));

export interface Fact {
  name: string;
  value: string;
  /** Something to look at. */
  isBad?: boolean;
}

/** Names and values, as many beside each other as there is room. */
export const factList = (facts: readonly Fact[]): Element =>
  h(
    "dl",
    { class: "facts" },
    ...facts.map(({ name, value, isBad }) =>
      h("div", { class: isBad ? "bad" : undefined }, h("dt", null, name), h("dd", null, value)),
    ),
  );

/** As wide as it has to be: on a narrow screen it scrolls by itself. */
export const table = (heads: readonly Child[], rows: readonly Child[]): Element => {
  const head = h("thead", null, h("tr", null, ...heads));
  return h("div", { class: "wide" }, h("table", null, head, h("tbody", null, ...rows)));
};

export const section = (id: string, title: string, ...children: Child[]): Element =>
  h(
    "section",
    { id, "aria-labelledby": `${id}-title` },
    h("h2", { id: `${id}-title` }, title),
    ...children,
  );
