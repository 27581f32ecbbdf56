/** What a shell completes of `tsugi`, by the shells themselves; of bin/<app>: test/contract/binApp. */
import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { mustRun } from "../helpers/commands.ts";
import { needPrograms } from "../helpers/debian.ts";
import { projectRoot, tsugiCli } from "../helpers/example.ts";
import { mustTsugi, temporaryFolder, tsugi, writeFiles } from "../helpers/projects.ts";
import { ShellAtTerminal } from "../helpers/shellAtTerminal.ts";

describe("a shell completes tsugi", () => {
  const { folder, remove } = temporaryFolder("completion");
  const env = { ...process.env, HOME: folder, PATH: `${join(folder, "bin")}:${process.env.PATH}` };
  before(async () => {
    await needPrograms("zsh", "fish", "mandoc");
    const environments = { production: { hosts: ["app1"] }, staging: { hosts: ["app2"] } };
    writeFiles(folder, { "tsugi.config.json": { name: "wall", environments }, "bin/.keep": "" });
    symlinkSync(tsugiCli, join(folder, "bin", "tsugi"));
    for (const shell of ["bash", "zsh", "fish"]) {
      const { stdout } = await mustTsugi(["completion", shell], folder);
      writeFiles(folder, { [`tsugi.${shell}`]: stdout });
    }
  });
  after(remove);

  for (const shell of ["bash", "zsh"] as const) {
    test(`${shell}: commands, options, their values, environments and files`, async (t) => {
      const terminal = new ShellAtTerminal(shell, folder, env);
      t.after(() => terminal.end());
      await terminal.run(`source ./tsugi.${shell}`);
      await terminal.completes("tsugi rel", /tsugi release /);
      await terminal.completes("tsugi keys n", /tsugi keys new /);
      await terminal.completes("tsugi deploy --dr", /tsugi deploy --dry-run /);
      await terminal.completes("tsugi plan --require ha", /--require handoff /);
      await terminal.completes("tsugi status prod", /tsugi status production /);
      await terminal.completes("tsugi logs -n 5 stag", /tsugi logs -n 5 staging /);
      await terminal.completes("tsugi verify tsugi.c", /tsugi verify tsugi.config.json /);
      await terminal.completes("tsugi explain TSUGI_RELEASE_IN", /TSUGI_RELEASE_IN_USE /);
      // A store of a line: bash breaks words at @.
      await terminal.run("tsugi() { printf 'release\\nwall@1.2.0 now\\n'; }");
      await terminal.completes("tsugi pull wall@1", /tsugi pull wall@1\.2\.0 /);
    });
  }

  test("fish: the same, with what each is", async () => {
    const completed = async (line: string) => {
      const script = `source tsugi.fish; complete -C '${line}'`;
      const { stdout } = await mustRun("fish", ["--no-config", "-c", script], { cwd: folder, env });
      return stdout.trim().split("\n");
    };
    assert.match((await completed("tsugi rel"))[0]!, /^release\tbuild a release/);
    assert.match((await completed("tsugi keys n"))[0]!, /^new\tmake a pair/);
    assert.match((await completed("tsugi deploy --dr"))[0]!, /^--dry-run\task the hosts/);
    assert.deepEqual(await completed("tsugi plan --require ha"), ["handoff"]);
    assert.deepEqual(await completed("tsugi status "), ["production", "staging"]);
    assert.match((await completed("tsugi verify tsugi.c"))[0]!, /^tsugi\.config\.json/);
  });

  test("the manual pages have nothing that mandoc would warn of", async () => {
    const pages = ["tsugi.1", "tsugi-app.1", "tsugi-config.5", "tsugi-errors.7"];
    const paths = pages.map((page) => join(projectRoot, "docs", "man", page));
    const { output } = await mustRun("mandoc", ["-T", "lint", "-W", "warning", ...paths]);
    assert.equal(output, "");
  });
});

test("an error is explained by its code, and one that there is not by the nearest", async () => {
  const { stdout } = await mustTsugi(["explain", "release_in_use"], projectRoot);
  assert.match(stdout, /^TSUGI_RELEASE_IN_USE\n[\s\S]*is running[\s\S]*→[\s\S]*Exit code 4: /);
  const wrong = await tsugi(["explain", "TSUGI_RELESE_INUSE"], projectRoot);
  assert.equal(wrong.status, 2);
  assert.match(wrong.output, /TSUGI_CODE_UNKNOWN[\s\S]*TSUGI_RELEASE_IN_USE/);
});
