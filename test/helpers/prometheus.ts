/** Debian's Prometheus, unpacked where it is not installed: its package would start a service. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram, unpackPackage } from "./debian.ts";
import { freePort } from "./ports.ts";

export interface PrometheusTools {
  prometheus: string;
  promtool: string;
}

export async function prometheusTools(folder: string): Promise<PrometheusTools> {
  const [prometheus, promtool] = [findProgram("prometheus"), findProgram("promtool")];
  if (prometheus !== undefined && promtool !== undefined) return { prometheus, promtool };
  const unpacked = await unpackPackage("prometheus", folder);
  if (unpacked === undefined) {
    throw new Error("This test needs prometheus. Install: sudo apt-get install -y prometheus");
  }
  const at = (name: string) => join(unpacked, "usr", "bin", name);
  return { prometheus: at("prometheus"), promtool: at("promtool") };
}

/** One that scrapes these ports of loopback every half second. */
export class Prometheus {
  readonly #child: ChildProcess;
  readonly #port: number;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.#port = port;
  }

  static async start({ prometheus }: PrometheusTools, folder: string, scraped: number[]) {
    mkdirSync(folder, { recursive: true });
    const port = await freePort();
    const targets = scraped.map((one) => `127.0.0.1:${one}`);
    const config = {
      global: { scrape_interval: "500ms", scrape_timeout: "500ms" },
      scrape_configs: [{ job_name: "tsugi", static_configs: [{ targets }] }],
    };
    // JSON is YAML.
    writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(config));
    const child = spawn(
      prometheus,
      [
        `--config.file=${join(folder, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: "ignore" },
    );
    return new Prometheus(child, port);
  }

  /** The value of the one series that fits; undefined where there is none yet. */
  async value(query: string): Promise<number | undefined> {
    const address = `http://127.0.0.1:${this.#port}/api/v1/query?query=${encodeURIComponent(query)}`;
    const response = await fetch(address).catch(() => undefined);
    if (response?.ok !== true) return undefined;
    const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
    return data.result[0] && Number(data.result[0].value[1]);
  }

  async end(): Promise<void> {
    const closed = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await closed;
  }
}
