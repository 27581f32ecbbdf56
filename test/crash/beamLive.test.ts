/**
 * Phoenix with LiveView, a channel and telemetry, on Bandit and on Cowboy, under keep-alive clients that
 * ask all the time, with pages open. Its packages are git dependencies at GitHub (GIT_CONFIG_GLOBAL may
 * name a mirror); Mix wants Hex and rebar3 for them. `npm run long -- beam` runs it on each Debian.
 */
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import {
  BeamBuilds,
  BeamHost,
  type BuiltBeam,
  elixirMissing,
  runRelease,
} from "../helpers/beam.ts";
import { startLoad } from "../helpers/beamLoad.ts";
import { certificateIn } from "../helpers/certificate.ts";
import { runCommand } from "../helpers/commands.ts";
import { projectRoot } from "../helpers/example.ts";
import { LivePage, Topic } from "../helpers/liveView.ts";
import { isStarters, makeStarter } from "../helpers/phxNew.ts";
import { freePort } from "../helpers/ports.ts";

const EIGHT = [1, 2, 3, 4, 5, 6, 7, 8];
/** As the starter's config/runtime.exs asks for it. */
const SERVES = { PHX_SERVER: "true", SECRET_KEY_BASE: "x".repeat(64), PHX_HOST: "localhost" };
/** Its own modules, a dependency's, and back. */
const ROUND = [
  ["upgrade", "0.2.0"],
  ["upgrade", "0.3.0"],
  ["downgrade", "0.2.0"],
  ["downgrade", "0.1.0"],
] as const;
const UPGRADES = Number(process.env.DESK_UPGRADES ?? 6);
const ADAPTERS = (process.env.DESK_ADAPTERS ?? "bandit,cowboy,phx.new").split(",");
/** The same application with its web server, and LiveView, in another version. */
const OTHER = await otherVersions();
const skip = (await elixirMissing()) || (await packagesMissing());
const isOld = OTHER.DESK_BANDIT === "1.6.7";
/** Phoenix 1.8 wants Elixir 1.15. */
const skipOf = (adapter: string) =>
  skip || (adapter === "phx.new" && isOld && "mix phx.new of Phoenix 1.8 wants Elixir 1.15");
const builds = new BeamBuilds();
after(() => builds.dispose());

async function packagesMissing(): Promise<string | false> {
  const url = "https://github.com/mtrudel/bandit.git";
  const { status, output } = await runCommand("git", ["ls-remote", "--tags", url], {
    cwd: tmpdir(),
    timeoutMs: 20_000,
  });
  if (status !== 0)
    return `${url} is not reachable, so Phoenix is not tested: ${output.slice(-200)}`;
  for (const task of ["local.hex", "local.rebar"]) {
    const result = await runCommand("mix", [task, "--force", "--if-missing"]);
    if (result.status !== 0) return `mix ${task} failed, so Phoenix is not tested`;
  }
  return false;
}

async function otherVersions(): Promise<Record<string, string>> {
  const asked = await runCommand("elixir", ["-e", "IO.write(System.version())"]).catch(
    () => undefined,
  );
  const is114 = /^1\.14\./.test(asked?.stdout ?? "");
  const [DESK_BANDIT, DESK_LIVE_VIEW] = is114 ? ["1.6.7", "v0.20.16"] : ["1.12.5", "v1.2.7"];
  return { DESK_BANDIT: DESK_BANDIT!, DESK_LIVE_VIEW: DESK_LIVE_VIEW!, DESK_PLUG_COWBOY: "v2.7.2" };
}

/** In one folder, one after the other: dependencies are compiled once. */
async function build(
  folder: string,
  fixture: string,
  version: string,
  env: Record<string, string>,
) {
  const filter = (path: string) => env.DESK_STARTER === undefined || !isStarters(path);
  cpSync(join(projectRoot, "test", "fixtures", "beam", fixture), folder, {
    recursive: true,
    filter,
  });
  const result = await runRelease(folder, ["--version", version], { env, timeoutMs: 1_200_000 });
  assert.equal(result.status, 0, result.output);
  return { ...JSON.parse(result.stdout), folder } as BuiltBeam;
}

for (const adapter of ADAPTERS) {
  describe(`Phoenix on ${adapter}`, { skip: skipOf(adapter) }, () => {
    let building: Promise<[BuiltBeam, BuiltBeam, BuiltBeam]> | undefined;
    const versions = () => {
      building ??= buildAll(adapter);
      return building;
    };

    test("no request fails, pages live on, hooks and telemetry follow, to and fro; its own modules, then a dependency", async () => {
      const [one, two, three] = await versions();
      const host = await BeamHost.start(one, { env: SERVES });
      try {
        for (const built of [two, three]) host.drop(built);
        const pages = await Promise.all(EIGHT.map(() => LivePage.open(host.port, "/page")));
        const plain = await LivePage.open(host.port, "/plain");
        const rooms = EIGHT.map((n) => new Topic(host.port, "/socket", `room:${n}`));
        for (const room of rooms) await room.push("phx_join", {});
        const clicked = async (text: RegExp) => {
          for (const page of pages) assert.match(await page.click("up"), text);
        };
        const shown = (text: RegExp) =>
          until(async () => pages.every((page) => text.test(page.text())));
        await clicked(/page 0\.1\.0 count=1 hooked=1/);
        assert.match(await plain.click("up"), /plain 0\.1\.0 count=1/);
        const quick = startLoad(host.port, 8, ["/word", "/version"], { text: sameVersion });
        const slow = startLoad(host.port, 2, ["/slow"], { text: sameVersion });
        const fresh = startLoad(host.port, 1, ["/word"], { text: sameVersion, keepAlive: false });

        const up = await host.json("upgrade", "0.2.0");
        assert.equal(up.status, 0, up.output);
        assert.deepEqual(up.value.pages, { open: 9, rendered: 8, remounted: 1 }, up.output);
        const names = up.value.states.map(({ name }: { name: string }) => name);
        assert.ok(names.includes("Elixir.DeskWeb.PageLive"), names.join());
        await shown(/page 0\.2\.0 step=5 count=1 hooked=1/);
        await clicked(/page 0\.2\.0 step=5 count=6 hooked=101/);
        // Its client sees that its page has ended, and joins anew.
        await until(async () => plain.topic.pushed.some(({ event }) => event === "phx_error"));
        plain.topic.pushed.length = 0;
        await plain.join();
        assert.match(await plain.click("up"), /plain 0\.2\.0 red count=1/);
        assert.deepEqual(JSON.parse(await host.get("/meter")), { "0.2.0": 2 }, "telemetry follows");

        const back = await host.json("downgrade", "0.1.0");
        assert.equal(back.status, 0, back.output);
        await shown(/page 0\.1\.0 count=6/);
        await clicked(/count=7 hooked=102/);
        for (let n = 0; n < UPGRADES; n += 1) {
          const [verb, version] = n % 2 === 0 ? ["upgrade", "0.2.0"] : ["downgrade", "0.1.0"];
          const { status, value, output } = await host.json(verb!, version!);
          assert.equal(status, 0, output);
          assert.equal(value.connections.lost, 0, output);
          assert.equal(value.requests.failed, 0, output);
          console.log(
            `# ${adapter} ${verb} ${version}: pause ${value.pauseMs} ms, ${JSON.stringify(value.requests)}`,
          );
        }
        if ((await host.get("/version")) === "0.1.0") await host.must("upgrade", "0.2.0");
        for (let n = 0; n < UPGRADES / 4; n += 1) {
          for (const [verb, version] of [
            ["upgrade", "0.3.0"],
            ["downgrade", "0.2.0"],
          ]) {
            const { status, value, output } = await host.json(verb!, version!);
            assert.equal(status, 0, output);
            console.log(
              `# ${adapter}, its version too: pause ${value.pauseMs} ms, ${JSON.stringify(value.requests)}`,
            );
          }
        }
        await clicked(/page 0\.2\.0 step=5/);
        for (const room of rooms) {
          const heard = (await room.push("say", {})) as { status: string };
          assert.equal(heard.status, "ok");
        }
        const topics = [...rooms, ...pages.map(({ topic }) => topic), plain.topic];
        assert.equal(topics.filter(({ closed }) => closed).length, 0);
        const tallies = [await quick.stop(), await slow.stop(), await fresh.stop()];
        const [asked, asleep] = tallies;
        const answers = tallies.map(({ answered }) => answered);
        console.log(`# ${adapter}: ${answers.join(" + ")} requests answered`);
        for (const { failures } of tallies) assert.deepEqual(failures, []);
        // Cowboy itself ends a connection with its thousandth answer.
        const ended = adapter === "cowboy" ? Math.ceil(asked!.answered / 1000) : 0;
        assert.ok(asked!.connections <= 8 + ended, `${asked!.connections} connections`);
        assert.equal(asleep!.connections, 2);
        for (const topic of topics) topic.close();
      } finally {
        await host.remove();
      }
    });

    // The starter's endpoint speaks neither.
    if (adapter === "phx.new") return;
    test("over TLS and HTTP/2 no request fails and no connection ends, either", async () => {
      const [one, two, three] = await versions();
      const tlsPort = await freePort();
      const folder = mkdtempSync(join(builds.folder, "certificate-"));
      certificateIn(folder);
      const env = {
        ...SERVES,
        TLS_PORT: String(tlsPort),
        TLS_KEY: join(folder, "key.pem"),
        TLS_CERT: join(folder, "cert.pem"),
      };
      const host = await BeamHost.start(one, { env });
      try {
        for (const built of [two, three]) host.drop(built);
        const loads = (["https", "h2", "h2c"] as const).flatMap((protocol) => {
          const port = protocol === "h2c" ? host.port : tlsPort;
          return [["/word", "/version"], ["/slow"]].map((paths) => ({
            name: `${protocol} ${paths[0]}`,
            load: startLoad(port, 2, paths, { protocol, text: sameVersion }),
          }));
        });
        for (let n = 0; n < UPGRADES / 2; n += 1) {
          const [verb, version] = ROUND[n % ROUND.length]!;
          const { status, value, output } = await host.json(verb, version);
          assert.equal(status, 0, output);
          console.log(
            `# ${adapter}, TLS and HTTP/2, ${verb} ${version}: pause ${value.pauseMs} ms, ${JSON.stringify(value.requests)}`,
          );
        }
        for (const { name, load } of loads) {
          const { answered, failures, connections } = await load.stop();
          console.log(`# ${adapter}, ${name}: ${answered} over ${connections} connections`);
          assert.deepEqual(failures, [], name);
          const ended = adapter === "cowboy" ? Math.ceil(answered / 1000) : 0;
          assert.ok(connections <= 2 + ended, `${name}: ${connections} connections`);
        }
      } finally {
        await host.remove();
      }
    });
  });
}

/** `phx.new`: on Bandit, in the project that Phoenix's own starter makes. */
async function buildAll(adapter: string): Promise<[BuiltBeam, BuiltBeam, BuiltBeam]> {
  // Where dependencies may stay compiled for the next time.
  const folder = join(process.env.DESK_FOLDER ?? builds.folder, adapter);
  rmSync(join(folder, "rel"), { recursive: true, force: true });
  const isStarter = adapter === "phx.new";
  const env = isStarter ? { DESK_STARTER: "1" } : { DESK_ADAPTER: adapter };
  if (isStarter && !existsSync(join(folder, "mix.exs"))) {
    await makeStarter(folder, mkdtempSync(join(builds.folder, "starter-")));
  }
  const one = await build(folder, "desk-0.1.0", "0.1.0", env);
  const two = await build(folder, "desk-0.2.0", "0.2.0", env);
  return [one, two, await build(folder, "desk-0.2.0", "0.3.0", { ...env, ...OTHER })];
}

function sameVersion(text: string): string | undefined {
  const versions = new Set([...text.matchAll(/(0\.\d\.0):/g)].map(([, version]) => version));
  return versions.size <= 1 ? undefined : `two versions in one request: ${text}`;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error("it did not come about within 15 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
