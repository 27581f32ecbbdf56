/** What bin/<app> metrics shows, and the same at a port of loopback. */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { METRICS, type MetricRow } from "../../../src/contract/metrics.ts";
import { mustRun } from "../../helpers/commands.ts";
import { until } from "../../helpers/installed.ts";
import { MetricSamples } from "../../helpers/openMetrics.ts";
import { freePort } from "../../helpers/ports.ts";
import { ended, installed, started } from "./ends.ts";
import type { Kind } from "./kinds.ts";

const DEADLINE_MS = 60_000;

const scrape = (port: number, path = "/metrics") =>
  fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(DEADLINE_MS) });
const answers = (port: number) =>
  scrape(port).then(
    () => true,
    () => false,
  );

export function metrics(kind: Kind): void {
  test("metrics are those of the table, and say what runs and how upgrades went", async (t) => {
    ended(await (await installed(t, await kind.one())).app("metrics"), 3, /TSUGI_NOT_RUNNING/);
    const port = await freePort();
    const host = await started(t, await kind.one(), { config: { metrics: { port } } });
    await host.get("/add");
    assert.equal((await host.upgrade(await kind.two())).status, 0);
    const wanted = Object.entries<MetricRow>(METRICS)
      .filter(([, { only }]) => only === undefined || only === kind.name)
      .map(([name]) => name);
    // Event loops are measured from the first time on that somebody asks.
    const all = async () => {
      const { stdout } = await host.must("metrics");
      return new MetricSamples(stdout).families.length === wanted.length ? stdout : undefined;
    };
    const stdout = await until("all metrics", all, DEADLINE_MS);
    assert.match(stdout, /\n# EOF\n$/);
    assert.match(
      stdout,
      /^tsugi_release_info\{name="shop",version="0\.0\.2",release_id="[0-9a-f]+"/m,
    );
    const samples = new MetricSamples(stdout);
    assert.deepEqual(samples.families, wanted);
    const done = { kind: "upgrade", strategy: kind.strategy, result: "committed" };
    assert.equal(samples.sum("tsugi_upgrades_total", done), 1);
    assert.equal(samples.sum("tsugi_upgrade_pause_seconds_count"), 1);
    assert.ok(samples.sum("tsugi_upgrade_pause_seconds_sum") > 0);
    assert.ok(samples.sum("tsugi_state_bytes", { state: kind.state }) > 0);
    assert.equal(samples.sum("tsugi_worker_healthy"), 1);
    assert.ok(samples.sum("tsugi_worker_memory_bytes") > 1_000_000);
    assert.ok(samples.sum("tsugi_worker_cpu_seconds_total") > 0);
    if (kind.name === "node") assert.ok(samples.sum("tsugi_worker_requests_total") >= 0);

    const response = await scrape(port);
    assert.match(response.headers.get("content-type")!, /^application\/openmetrics-text;/);
    const served = new MetricSamples(await response.text());
    assert.equal(served.sum("tsugi_upgrades_total", done), 1);
    assert.equal((await scrape(port, "/")).status, 404);
  });

  test("a socket serves the metrics while it runs, and its file goes with the stop", async (t) => {
    const host = await installed(t, await kind.one());
    const socket = join(dirname(host.root), "m.sock");
    writeFileSync(
      join(host.root, "etc", "config.json"),
      JSON.stringify({ metrics: { socket }, health: { intervalMs: 20 } }),
    );
    await host.must("start");
    const ask = () => mustRun("curl", ["-sS", "--unix-socket", socket, "http://host/metrics"]);
    const { stdout } = await until("an answer", () => ask().catch(() => undefined), DEADLINE_MS);
    assert.equal(new MetricSamples(stdout).sum("tsugi_worker_healthy"), 1);
    await host.must("stop");
    await assert.rejects(ask());
    assert.equal(existsSync(socket), false);
  });

  test("a reload moves the metrics to where etc/ says, or ends them", async (t) => {
    const [one, two] = [await freePort(), await freePort()];
    const host = await started(t, await kind.one(), { config: { metrics: { port: one } } });
    const config = join(host.root, "etc", "config.json");
    await until("the first port", () => answers(one), DEADLINE_MS);
    writeFileSync(config, JSON.stringify({ metrics: { port: two } }));
    await host.must("reload");
    await until("the second port", () => answers(two), DEADLINE_MS);
    assert.equal(await answers(one), false);
    writeFileSync(config, "{}");
    await host.must("reload");
    await until("no port", async () => !(await answers(two)), DEADLINE_MS);
  });
}
