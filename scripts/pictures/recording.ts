/**
 * What a terminal showed, and what its clients saw meanwhile, as an SVG that plays by itself: each line
 * comes when it came. Without motion, for whoever wants none, all of it stands there.
 */
export interface Recording {
  command: string;
  lines: { atMs: number; text: string }[];
  samples: { atMs: number; answered: number; failed: number; reconnected: number }[];
}

const COLUMNS = 80;
const CELL = { width: 8.2, height: 19 };
const MARGIN = 18;
/** Before the command, and after the end. */
const BEFORE_MS = 800;
const AFTER_MS = 6_000;

export function recordingSvg({ command, lines, samples }: Recording): string {
  const endMs = Math.max(...[...lines, ...samples].map(({ atMs }) => atMs));
  const totalMs = BEFORE_MS + endMs + AFTER_MS;
  const clock = new Clock(totalMs);
  const rows = [`$ ${command}`, ...lines.map(({ text }) => text)];
  const width = MARGIN * 2 + COLUMNS * CELL.width;
  const statusY = MARGIN * 2 + rows.length * CELL.height + 14;
  const height = statusY + CELL.height + MARGIN;
  const text = (y: number, className: string, content: string) =>
    `<text x="${MARGIN}" y="${y}" class="${className}">${escaped(content)}</text>`;
  const y = (row: number) => Math.round(MARGIN + (row + 0.8) * CELL.height);
  const shown = rows.map((row, at) => {
    const fromMs = at === 0 ? BEFORE_MS / 2 : BEFORE_MS + lines[at - 1]!.atMs;
    return text(y(at), `${clock.from(fromMs)}${at === 0 ? " command" : ""}`, row);
  });
  const tallies = samples.map((sample, at) => {
    const next = samples[at + 1];
    const fromMs = at === 0 ? 0 : BEFORE_MS + sample.atMs;
    const name =
      next === undefined ? clock.from(fromMs) : clock.between(fromMs, BEFORE_MS + next.atMs);
    return text(statusY, `${name} clients${next === undefined ? " last" : ""}`, tallyText(sample));
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${Math.ceil(width)} ${height}" role="img" aria-label="An upgrade under load: ${escaped(command)}">
<style>
svg { background: #16181c }
text { font: 13.6px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #d6dae0; white-space: pre }
.command { fill: #fff; font-weight: 600 }
.clients { fill: #79cf9b }
line { stroke: #343a43 }
${clock.css()}
@media (prefers-reduced-motion: reduce) { text[class] { animation: none } .clients:not(.last) { display: none } }
</style>
<rect width="100%" height="100%" rx="8" fill="#16181c"/>
${shown.join("\n")}
<line x1="${MARGIN}" x2="${Math.ceil(width) - MARGIN}" y1="${statusY - 22}" y2="${statusY - 22}"/>
${tallies.join("\n")}
</svg>
`;
}

const tallyText = ({ answered, failed, reconnected }: Recording["samples"][number]): string =>
  `32 clients meanwhile: ${answered.toLocaleString("en")} requests answered, ${failed} failed, ${reconnected} reconnected`;

/** Classes that show a text for a part of the time, over and over. */
class Clock {
  readonly #totalMs: number;
  readonly #rules: string[] = [];

  constructor(totalMs: number) {
    this.#totalMs = totalMs;
  }

  from(ms: number): string {
    return this.#add(`0%{opacity:0}${this.#percent(ms)}{opacity:1}`);
  }

  between(fromMs: number, toMs: number): string {
    const [from, to] = [this.#percent(fromMs), this.#percent(toMs)];
    const before = fromMs === 0 ? "" : "0%{opacity:0}";
    return this.#add(`${before}${from}{opacity:1}${to}{opacity:0}100%{opacity:0}`);
  }

  css(): string {
    return this.#rules.join("\n");
  }

  #percent(ms: number): string {
    return `${((100 * ms) / this.#totalMs).toFixed(2)}%`;
  }

  #add(keyframes: string): string {
    const name = `t${this.#rules.length}`;
    const seconds = (this.#totalMs / 1000).toFixed(1);
    this.#rules.push(
      `@keyframes ${name}{${keyframes}}.${name}{animation:${name} ${seconds}s step-end infinite}`,
    );
    return name;
  }
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
