/** OpenMetrics text as tests ask it: by the sample, as it is written. Whether it is well formed, Prometheus says. */

export class MetricSamples {
  readonly families: string[];
  readonly #values: Map<string, number>;

  constructor(text: string) {
    const lines = text.split("\n");
    this.families = lines.flatMap((line) => /^# TYPE (\S+)/.exec(line)?.[1] ?? []);
    const samples = lines.filter((line) => line !== "" && !line.startsWith("#"));
    this.#values = new Map(
      samples.map((line) => {
        const end = line.lastIndexOf(" ");
        return [line.slice(0, end), Number(line.slice(end + 1))] as const;
      }),
    );
  }

  /** `tsugi_upgrades_total{kind="upgrade"}`; with some of its labels, of all that have them. */
  sum(name: string, labels: Record<string, string> = {}): number {
    const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const found = [...this.#values].filter(
      ([sample]) =>
        (sample === name || sample.startsWith(`${name}{`)) &&
        pairs.every((pair) => sample.includes(pair)),
    );
    if (found.length === 0) throw new Error(`no ${name} ${pairs}: ${[...this.#values.keys()]}`);
    return found.reduce((sum, [, value]) => sum + value, 0);
  }
}
