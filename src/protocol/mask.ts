/**
 * What errors and reports say without the values of `etc/env`. An application may throw its whole
 * environment, or a URL with a password in it; the words of that go to a terminal, into a log that is
 * collected and to whoever deploys. What the application prints itself is not looked at.
 */
/** Shorter ones stand in innocent words too: a port, `true`. */
const MIN_LENGTH = 8;
const MASK = "***";

/** Where a host is and what it is for: everybody knows, and errors need it. */
const PUBLIC = /^(localhost|production|development|staging|(\d{1,3}\.){3}\d{1,3})$/;

/** Keys of documents that hold what somebody said; the others are words and numbers of our own. */
const SAID = new Set([
  ...["message", "hint", "details", "text", "reasons", "leftovers", "ended", "run", "rehearsed"],
]);

export class Mask {
  /** A folder; what lies in it is no secret. */
  readonly #root: string;
  readonly #known = new Set<string>();
  /** Longest first: one may be a part of another. */
  #forms: string[] = [];

  constructor(root: string) {
    this.#root = root;
  }

  /** Those of before stay known: what is thrown may hold them still. */
  learn(env: Readonly<Record<string, string>>): void {
    const before = this.#known.size;
    for (const value of Object.values(env)) {
      const isPlace = this.#root.includes(value) || value.startsWith(`${this.#root}/`);
      if (value.length < MIN_LENGTH || isPlace || PUBLIC.test(value)) continue;
      this.#known.add(value);
    }
    if (this.#known.size === before) return;
    this.#forms = [...new Set([...this.#known].flatMap(formsOf))];
    this.#forms.sort((a, b) => b.length - a.length);
  }

  text(text: string): string {
    return this.#forms.reduce((masked, form) => masked.replaceAll(form, MASK), text);
  }

  /** An error, a report, or what else has either in it. */
  document<T>(value: T): T {
    if (this.#forms.length === 0) return value;
    return this.#within(value, false) as T;
  }

  #within(value: unknown, isSaid: boolean): unknown {
    if (typeof value === "string") return isSaid ? this.text(value) : value;
    if (Array.isArray(value)) return value.map((item) => this.#within(item, isSaid));
    if (value === null || typeof value !== "object") return value;
    const entries = Object.entries(value);
    return Object.fromEntries(
      entries.map(([key, item]) => [key, this.#within(item, isSaid || SAID.has(key))]),
    );
  }
}

/** As it stands in JSON, in JSON within JSON, in what `console.log` shows of an object, and in a URL. */
function formsOf(value: string): string[] {
  const lines = value.includes("\n") ? value.split(/\r?\n/) : [];
  return [value, ...lines.filter((line) => line.length >= MIN_LENGTH)].flatMap((text) => {
    const inJson = escaped(text);
    const shown = inJson.replaceAll('\\"', '"');
    const inUrl = encodeURIComponent(text);
    return [text, inJson, escaped(inJson), shown, shown.replaceAll("'", "\\'"), inUrl];
  });
}

const escaped = (text: string): string => JSON.stringify(text).slice(1, -1);
