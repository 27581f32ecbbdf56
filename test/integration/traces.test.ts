/** A deploy as an OpenTelemetry trace, as a collector gets it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type BuiltRelease, buildVariant } from "../helpers/fixtureReleases.ts";
import { Installed, until } from "../helpers/installed.ts";
import { temporaryFolder, tsugi, writeFiles } from "../helpers/projects.ts";

interface OtlpSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status: { code?: number; message?: string };
  attributes: { key: string; value: Record<string, unknown> }[];
}

describe("traces", () => {
  const { folder, remove } = temporaryFolder("traces");
  const requests: { path: string; body: string }[] = [];
  const collector = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    requests.push({ path: request.url ?? "", body });
    response.setHeader("content-type", "application/json").end("{}");
  });
  let two: BuiltRelease;
  let host: Installed;

  before(async () => {
    await once(collector.listen(0, "127.0.0.1"), "listening");
    const one = await buildVariant(join(folder, "one"), { fixture: "counter-1.0.0" });
    two = await buildVariant(join(folder, "two"), { fixture: "counter-1.1.0" });
    host = await Installed.start(one);
    const hosts = [{ host: "here", local: true, root: host.root }];
    writeFiles(folder, {
      "tsugi.config.json": { name: "counter", environments: { production: { hosts } } },
    });
  });
  after(async () => {
    await host?.remove();
    collector.close();
    remove();
  });

  const deploy = (endpoint: string) =>
    tsugi(["deploy", "production", two.tarball, "--yes"], folder, {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_RESOURCE_ATTRIBUTES: "team=harbour",
    });

  test("a deploy is one trace: the host, its steps, and those of its upgrade", async () => {
    const { port } = collector.address() as AddressInfo;
    const { status, output } = await deploy(`http://127.0.0.1:${port}`);
    assert.equal(status, 0, output);
    const { path, body } = await until("a trace", () => requests[0]);
    assert.equal(path, "/v1/traces");
    const [{ resource, scopeSpans }] = JSON.parse(body).resourceSpans;
    const said = JSON.stringify(resource.attributes);
    assert.match(said, /"service\.name","value":\{"stringValue":"tsugi"/);
    assert.match(said, /"team","value":\{"stringValue":"harbour"/);
    const spans: OtlpSpan[] = scopeSpans[0].spans;
    assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1);
    const named = (name: string) => spans.find((span) => span.name === name)!;
    const parentOf = ({ parentSpanId }: OtlpSpan) =>
      spans.find(({ spanId }) => spanId === parentSpanId)?.name;
    assert.equal(parentOf(named("deploy counter 1.1.0")), undefined);
    assert.equal(parentOf(named("here")), "deploy counter 1.1.0");
    assert.equal(parentOf(named("upgrade")), "here");
    for (const step of ["load", "freeze", "commit"]) {
      assert.equal(parentOf(named(step)), "upgrade");
      assert.ok(BigInt(named(step).startTimeUnixNano) <= BigInt(named(step).endTimeUnixNano));
    }
    const keys = named("upgrade").attributes.map(({ key }) => key);
    assert.ok(keys.includes("tsugi.pause_ms") && keys.includes("tsugi.connections.lost"));
  });

  test("a collector that is not there is said, and the deploy is what it was", async () => {
    const { status, output } = await deploy("http://127.0.0.1:9");
    assert.equal(status, 0, output);
    assert.match(output, /No trace was sent: /);
  });
});
