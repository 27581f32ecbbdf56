/** What a real Prometheus makes of the metrics, over a change of supervisors; rules and dashboard. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { METRICS } from "../../src/contract/metrics.ts";
import { mustRun } from "../helpers/commands.ts";
import { projectRoot } from "../helpers/example.ts";
import { type BuiltRelease, buildVariant } from "../helpers/fixtureReleases.ts";
import { Installed, until } from "../helpers/installed.ts";
import { freePort } from "../helpers/ports.ts";
import { temporaryFolder } from "../helpers/projects.ts";
import { Prometheus, type PrometheusTools, prometheusTools } from "../helpers/prometheus.ts";

const DEADLINE_MS = 90_000;
const guide = join(projectRoot, "docs", "guides", "metrics");

describe("metrics", () => {
  const { folder, remove } = temporaryFolder("metrics");
  let tools: PrometheusTools;
  let one: BuiltRelease;
  let otherNode: BuiltRelease;
  before(async () => {
    tools = await prometheusTools(join(folder, "debian"));
    one = await buildVariant(join(folder, "one"), { fixture: "counter-1.0.0" });
    const fixture = "counter-1.1.0";
    otherNode = await buildVariant(join(folder, "two"), { fixture, node: "22.23.0" });
  });
  after(remove);

  test("Prometheus takes them, and counters go on when the supervisor is replaced", async (t) => {
    const port = await freePort();
    const host = await Installed.start(one, { config: { metrics: { port } } });
    t.after(() => host.remove());
    const prometheus = await Prometheus.start(tools, join(folder, "prometheus"), [port]);
    t.after(() => prometheus.end());
    const becomes = (query: string, wanted: number) =>
      until(
        `${query} is ${wanted}`,
        async () => (await prometheus.value(query)) === wanted,
        DEADLINE_MS,
      );
    await becomes("up", 1);
    await becomes('tsugi_release_info{version="1.0.0"}', 1);
    await host.host.must("reload");
    await becomes('tsugi_upgrades_total{kind="reload",result="committed"}', 1);

    const before = host.supervisorPid;
    host.drop(otherNode);
    assert.equal((await host.report("upgrade", "1.1.0")).report.strategy, "replace");
    assert.notEqual(host.supervisorPid, before);
    await becomes('tsugi_release_info{version="1.1.0"}', 1);
    await becomes('tsugi_upgrades_total{kind="upgrade",strategy="replace",result="committed"}', 1);
    await becomes('tsugi_upgrades_total{kind="reload",result="committed"}', 1);
    await becomes("tsugi_upgrade_pause_seconds_count", 2);
    await becomes("max_over_time(tsugi_generation[1h]) - tsugi_generation", 0);
  });

  test("cost the supervisor at most 2 MB of its own memory, however often they are asked for", async (t) => {
    const port = await freePort();
    const without = await Installed.start(one);
    t.after(() => without.remove());
    const ownBytes = ({ supervisorPid }: Installed) => {
      const status = readFileSync(`/proc/${supervisorPid}/status`, "utf8");
      return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
    };
    const least = ownBytes(without);
    const host = await Installed.start(one, { config: { metrics: { port } } });
    t.after(() => host.remove());
    const ask = () => fetch(`http://127.0.0.1:${port}/metrics`).then((answer) => answer.text());
    await until("they are served", () => ask().catch(() => undefined), DEADLINE_MS);
    for (let times = 0; times < 100; times += 1) await ask();
    const more = ownBytes(host) - least;
    assert.ok(more <= 2 * 1024 * 1024, `${more} bytes more`);
  });

  test("promtool finds nothing wrong with the rules, nor with what the dashboard asks", async () => {
    await mustRun(tools.promtool, ["check", "rules", join(guide, "alerts.yml")]);
    const dashboard = readFileSync(join(guide, "dashboard.json"), "utf8");
    const asked = [...dashboard.matchAll(/"expr": (".*")/g)].map(
      ([, text]) => JSON.parse(text!) as string,
    );
    assert.ok(asked.length > 10);
    const rules = asked.map((query, at) => ({
      record: `dashboard:query:${at}`,
      expr: query.replaceAll("$__rate_interval", "1m"),
    }));
    const file = join(folder, "dashboard.yml");
    writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    await mustRun(tools.promtool, ["check", "rules", file]);
    const names = new Set(
      [dashboard, readFileSync(join(guide, "alerts.yml"), "utf8")].flatMap(
        (text) => text.match(/tsugi_\w+/g) ?? [],
      ),
    );
    const unknown = [...names].filter(
      (name) => !(name.replace(/_(total|info|bucket|count|sum)$/, "") in METRICS),
    );
    assert.deepEqual(unknown, []);
  });
});
