/** Several applications of one machine, and several hosts, in one view: ps, logs --all, status --watch. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { mustRun } from "../helpers/commands.ts";
import { tsugiCli } from "../helpers/example.ts";
import { buildVariant } from "../helpers/fixtureReleases.ts";
import { Host, makeHostPath } from "../helpers/host.ts";
import { until } from "../helpers/installed.ts";
import { freePort } from "../helpers/ports.ts";
import { mustTsugi, temporaryFolder, tsugi, writeFiles } from "../helpers/projects.ts";

const DEADLINE_MS = 60_000;

describe("many applications", () => {
  const { folder, remove } = temporaryFolder("many");
  const srv = join(folder, "srv");
  const hosts: Host[] = [];
  let tarball: string;

  before(async () => {
    const release = await buildVariant(join(folder, "app"), { fixture: "counter-1.0.0" });
    tarball = release.tarball;
    const path = makeHostPath(join(folder, "path"));
    for (const place of ["one", "two"]) {
      const root = join(srv, place);
      mkdirSync(root, { recursive: true });
      const env = { PORT: String(await freePort()) };
      const host = new Host({ root, name: release.name, path, env });
      await host.extract(release.tarball);
      hosts.push(host);
    }
    await Promise.all(hosts.map((host) => host.must("start")));
    const places = ["one", "two", "gone"];
    const specs = places.map((host) => ({ host, local: true, root: join(srv, host) }));
    const config = { name: release.name, environments: { here: { hosts: specs } } };
    writeFiles(folder, { "tsugi.config.json": config });
  });
  after(async () => {
    await Promise.all(hosts.map((host) => host.app("stop")));
    remove();
  });

  test("tsugi ps has a row for each of those below a folder, and none where there is none", async () => {
    const { stdout } = await mustTsugi(["ps", srv], folder);
    assert.match(stdout, /^name +version +status/);
    assert.equal(stdout.match(/^counter +1\.0\.0 +permanent +\d+/gm)?.length, 2);
    const { apps } = JSON.parse((await mustTsugi(["ps", srv, "--json"], folder)).stdout);
    assert.deepEqual(
      apps.map(({ root }: { root: string }) => root),
      [join(srv, "one"), join(srv, "two")],
    );
    // `current` of other tools: a link to a root is that root, and no second one.
    symlinkSync(join(srv, "two"), join(srv, "current"));
    const linked = JSON.parse((await mustTsugi(["ps", srv, "--json"], folder)).stdout);
    assert.equal(linked.apps.length, 2);
    assert.match((await hosts[0]!.must("ps")).stdout, /^name(.*\n){3}$/);
    rmSync(join(srv, "current"));
    const empty = await mustTsugi(["ps", join(folder, "path")], folder);
    assert.equal(empty.stdout, "No application is installed there\n");
  });

  test("logs --all merges the logs of all by time, below a folder and beside a host", async () => {
    const words = ["first", "second", "third"];
    for (const [at, word] of words.entries()) {
      const host = hosts[at % 2]!;
      await host.must("rpc", `console.log("it is " + ${JSON.stringify(word)})`);
      await until("it is in the log", async () =>
        (await host.must("logs", "-n", "1")).stdout.includes(`it is ${word}`),
      );
    }
    const said = (text: string) => [...text.matchAll(/^(.*?) +\d{4}-.* it is (\w+)$/gm)];
    const below = said((await mustTsugi(["logs", "--all", srv], folder)).stdout);
    assert.deepEqual(
      below.map(([, who, word]) => [who, word]),
      words.map((word, at) => [hosts[at % 2]!.root, word]),
    );
    const one = ["logs", "here", "--host", "one", "--all", "-n", "2"];
    const beside = said((await mustTsugi(one, folder)).stdout);
    assert.deepEqual(
      beside.map(([, , word]) => word),
      words,
    );
    assert.ok(beside.every(([, who]) => who!.startsWith("one ")));
    const nothing = await tsugi(["logs", "--all", join(folder, "path")], folder);
    assert.match(nothing.output, /no application is installed there/);
    assert.equal(nothing.status, 2);
  });

  test("logs --all names one that was never started, and shows the others", async () => {
    const root = join(srv, "fresh");
    mkdirSync(root);
    const fresh = new Host({ root, name: "counter", path: join(folder, "path") });
    await fresh.extract(tarball);
    const { stdout, stderr } = await mustTsugi(["logs", "--all", srv], folder);
    assert.match(stdout, /it is third/);
    assert.match(stderr, /fresh +no log yet/);
    const alone = await tsugi(["logs", "--all", root], folder);
    assert.deepEqual([alone.status, /TSUGI_NO_LOG/.test(alone.output)], [1, true], alone.output);
    await mustRun("rm", ["-r", root]);
  });

  test("what others could have put there is named, and its log is not shown", async () => {
    const root = join(srv, "theirs");
    mkdirSync(join(root, "releases"), { recursive: true });
    mkdirSync(join(root, "bin"));
    writeFileSync(join(root, "bin", "theirs"), "#!/bin/sh\necho run > ../../run\n", {
      mode: 0o777,
    });
    await mustRun("chmod", ["777", join(root, "bin", "theirs")]);
    const { output } = await mustTsugi(["logs", "--all", srv], folder);
    assert.match(output, /theirs: others may change it/);
    await mustRun("rm", ["-r", root]);
  });

  test("status --watch shows all hosts side by side, and one that can't be watched", async () => {
    const watch = async (args: string[], enough: (output: string) => boolean) => {
      const argv = [tsugiCli, "status", "here", "--watch", ...args];
      const child = spawn(process.execPath, argv, { cwd: realpathSync(folder) });
      const exited = once(child, "exit");
      let output = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
      try {
        await until(`enough of ${args}`, () => enough(output), DEADLINE_MS);
      } finally {
        child.kill("SIGINT");
      }
      assert.deepEqual(await exited, [0, null], output);
      return output;
    };
    await watch([], (output) => {
      const last = output.trimEnd().split("\n\n").at(-1)!;
      return (
        /^one +1\.0\.0 +ok +\d+[smh] +\d+% +[\d.]+ MB +[\d.]+ ms +\d+$/m.test(last) &&
        /^two +1\.0\.0 +ok /m.test(last) &&
        /^gone +unreachable\n/m.test(last)
      );
    });
    const seen = new Set<string>();
    await watch(["--json"], (output) => {
      for (const line of output.split("\n").slice(0, -1)) {
        const { host, error, status } = JSON.parse(line);
        seen.add(`${host} ${error?.code ?? status.version}`);
      }
      return seen.size === 3;
    });
    assert.deepEqual([...seen].sort(), ["gone TSUGI_HOST_FAILED", "one 1.0.0", "two 1.0.0"]);
  });
});
