/**
 * The problem of docs/internals/design.md where it began, on the BEAM. Two versions are built in two clean folders that
 * share nothing. OTP's release_handler alone ends in `enoent …/relup`; the same two through tsugi are
 * upgraded: state kept, connections kept, the same OS process.
 */
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BeamHost, type BuiltBeam, buildBeam, copyFixture } from "../../test/helpers/beam.ts";
import { mustRun, runCommand } from "../../test/helpers/commands.ts";
import { needPrograms } from "../../test/helpers/debian.ts";
import { freePort } from "../../test/helpers/ports.ts";
import { bold, chapter, green, red, say, seconds, showCommand } from "./narrate.ts";

const folder = mkdtempSync(join(tmpdir(), "tsugi-demo-beam-"));
const failures: string[] = [];

function must(condition: boolean, what: string): void {
  if (!condition) failures.push(what);
}

/** What Mix and OTP give: two releases, and nothing that leads from one to the other. */
async function plainReleaseHandler(): Promise<void> {
  chapter("Two clean builds, and OTP's release_handler alone");
  const [one, two] = [join(folder, "plain-1"), join(folder, "plain-2")];
  for (const [place, version] of [
    [one, "0.0.1"],
    [two, "0.0.2"],
  ] as const) {
    copyFixture(place, { fixture: `shop-${version}` });
    await mustRun("mix", ["release", "--quiet"], {
      cwd: place,
      env: { ...process.env, MIX_ENV: "prod" },
    });
    say(`mix release in a clean folder: ${version}`);
  }
  const built = (place: string) => join(place, "_build", "prod", "rel", "shop");
  const root = join(folder, "plain-host");
  cpSync(built(one), root, { recursive: true });
  const env = {
    ...process.env,
    PORT: String(await freePort()),
    RELEASE_NODE: `plain${process.pid}`,
  };
  const bin = join(root, "bin", "shop");
  await mustRun(bin, ["daemon"], { cwd: root, env });
  try {
    await untilAnswers(bin, env);
    cpSync(join(built(two), "lib"), join(root, "lib"), { recursive: true });
    cpSync(join(built(two), "releases", "0.0.2"), join(root, "releases", "0.0.2"), {
      recursive: true,
    });
    const { output } = await runCommand(bin, ["rpc", PLAIN_INSTALL], { cwd: root, env });
    showCommand("bin/shop rpc ':release_handler.install_release(~c\"0.0.2\")'", output);
    must(/enoent.*relup/s.test(output), "the plain upgrade did not end in enoent … relup");
    say("There is no relup: it would have had to be made where both builds lie.");
  } finally {
    await runCommand(bin, ["stop"], { cwd: root, env });
    // Mix leaves its epmd behind; it refuses to end while another node needs it.
    const erts = readdirSync(root).find((name) => name.startsWith("erts-"));
    if (erts) await runCommand(join(root, erts, "bin", "epmd"), ["-kill"]);
  }
}

/** All that release_handler has to be told of a Mix release, then the upgrade itself. */
const PLAIN_INSTALL = `
root = :code.root_dir()
libs = fn vsn ->
  {:ok, [{:release, _, _, apps}]} = :file.consult('#{root}/releases/#{vsn}/shop.rel')
  for app <- apps, do: {elem(app, 0), elem(app, 1), '#{root}/lib'}
end
:release_handler.create_RELEASES(root, '#{root}/releases', '#{root}/releases/0.0.1/shop.rel', libs.('0.0.1'))
:release_handler.set_unpacked('#{root}/releases/0.0.2/shop.rel', libs.('0.0.2'))
IO.inspect(:release_handler.install_release('0.0.2'))
`;

async function untilAnswers(bin: string, env: NodeJS.ProcessEnv): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline) {
    if ((await runCommand(bin, ["pid"], { env })).status === 0) return;
  }
  throw new Error("the plain release did not come up");
}

async function throughTsugi(): Promise<void> {
  chapter("The same two, through tsugi");
  const releases: BuiltBeam[] = [];
  for (const version of ["0.0.1", "0.0.2"]) {
    const start = performance.now();
    releases.push(
      await buildBeam(join(folder, `clean-${version}`), { fixture: `shop-${version}` }),
    );
    showCommand("tsugi release", `${version} in ${seconds(performance.now() - start)}`);
  }
  const [first, second] = releases as [BuiltBeam, BuiltBeam];
  const host = await BeamHost.start(first);
  try {
    say("On the host: no Elixir, no Erlang, no Node; the tarball, extracted, and");
    say("bin/shop start.");
    for (let n = 0; n < 5; n += 1) await host.get("/add");
    const before = { version: await host.get("/version"), pid: await host.pid() };
    say(`Running ${before.version}, OS pid ${before.pid}, state: ${await host.get("/count")}`);
    host.drop(second);
    const upgrade = await host.app("upgrade", "0.0.2");
    showCommand("bin/shop upgrade 0.0.2", upgrade.output);
    must(upgrade.status === 0, "the upgrade failed");
    const after = { version: await host.get("/version"), pid: await host.pid() };
    const count = await host.get("/count");
    say(`Running ${after.version}, OS pid ${after.pid}, state: ${count}`);
    must(after.version === "0.0.2" && after.pid === before.pid, "not upgraded in place");
    must(count === "5", "the state is lost");
    const back = await host.app("downgrade", "0.0.1");
    showCommand("bin/shop downgrade 0.0.1", back.output);
    say(
      `Running ${await host.get("/version")}, OS pid ${await host.pid()}, state: ${await host.get("/count")}`,
    );
    must((await host.get("/count")) === "5", "the state is lost on the way back");
  } finally {
    await host.remove();
  }
}

console.log(bold("tsugi: the same commands for an Elixir release, in its running VM"));
await needPrograms("mix", "erl");
try {
  await plainReleaseHandler();
  await throughTsugi();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const failure of failures) say(red(`FAILED: ${failure}`));
if (failures.length > 0) process.exitCode = 1;
else say(green("Upgraded from a clean build: no relup was ever built, none was missing."));
