/** `foreground` as the first process of its own pid namespace: what a container engine makes of it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { childOf, runCommand } from "../helpers/commands.ts";
import { findProgram } from "../helpers/debian.ts";
import { type BuiltRelease, buildVariant } from "../helpers/fixtureReleases.ts";
import { Installed, until } from "../helpers/installed.ts";

const NAMESPACE = ["--pid", "--fork", "--mount-proc", "--kill-child"];

async function whyNot(): Promise<string | false> {
  const unshare = findProgram("unshare");
  if (unshare === undefined || findProgram("nsenter") === undefined) return "needs util-linux";
  const { status, output } = await runCommand(unshare, [...NAMESPACE, "true"]);
  return status !== 0 && `no pid namespace can be made here: ${output.trim()}`;
}

const skip = await whyNot();
const workshop = mkdtempSync(join(tmpdir(), "tsugi-first-"));
let one: BuiltRelease;
let other: BuiltRelease;
before(async () => {
  if (skip) return;
  one = await buildVariant(join(workshop, "one"), { fixture: "counter-1.0.0" });
  const changed = { fixture: "counter-1.1.0", node: "22.23.0" };
  other = await buildVariant(join(workshop, "other"), changed);
});
after(() => rmSync(workshop, { recursive: true, force: true }));

test("as pid 1 it stays the first process through a replace, leaves no zombie, and drains", {
  skip,
}, async () => {
  const host = await Installed.install(one);
  const { bin, environment } = host.host;
  const container = spawn(findProgram("unshare")!, [...NAMESPACE, bin, "foreground"], {
    env: environment,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = new Promise<number | null>((resolve) => container.once("exit", resolve));
  try {
    const serves = async () => host.get<{ sum: number }>("/").catch(() => undefined);
    await until("the service answers", serves, 60_000);
    const first = childOf(container.pid!);
    const inside = (...args: string[]) =>
      runCommand(findProgram("nsenter")!, ["-t", String(first), "-p", "-m", ...args], {
        env: environment,
      });
    await host.post("/increment");
    // In another container that has the same volume its pids are nobody, or somebody else.
    const beside = (...args: string[]) =>
      runCommand(findProgram("unshare")!, [...NAMESPACE, bin, ...args], { env: environment });
    assert.equal((await beside("status")).status, 0);
    const second = await beside("start");
    assert.equal(second.status, 1, second.output);
    assert.match(second.output, /TSUGI_ALREADY_RUNNING/);
    host.drop(other);
    const upgraded = await inside(bin, "upgrade", "1.1.0", "--json");
    assert.equal(upgraded.status, 0, upgraded.output);
    assert.equal(JSON.parse(upgraded.stdout).strategy, "replace");
    assert.equal((await serves())?.sum, 1);
    assert.equal(container.exitCode, null, "the container goes on");
    await until(
      "nothing is left of the old version",
      async () => {
        const states = (await inside("sh", "-c", "cat /proc/[0-9]*/stat")).stdout;
        return !/\) Z /.test(states);
      },
      30_000,
    );
    process.kill(first, "SIGTERM");
    assert.equal(await ended, 0);
  } finally {
    container.kill("SIGKILL");
    await ended;
    rmSync(join(host.root, ".."), { recursive: true, force: true });
  }
});
