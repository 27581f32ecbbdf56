import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Command } from "commander";
import { helpTexts } from "../../../src/beam/contract.ts";
import type { CommandRow } from "../../../src/contract/commands/define.ts";
import { hostCommands } from "../../../src/contract/commands/host.ts";
import { TOOL_COMMANDS } from "../../../src/contract/commands/tool.ts";
import { declare } from "../../../src/usage/declare.ts";
import { hostProgram, hostVerbs } from "../../../src/usage/hostProgram.ts";
import { projectRoot } from "../../helpers/example.ts";

/** As a shell would split it. */
const words = (line: string): string[] =>
  [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);

describe("a command of a host", () => {
  test("has a function on an Erlang host, with the version, arguments and options", () => {
    for (const [verb, { erlang }] of hostCommands("beam")) {
      const [module, run] = erlang!;
      const file = join(projectRoot, "src", "beam-host", "erl", `${module}.erl`);
      const exported = /-export\(\[([\s\S]*?)\]\)/.exec(readFileSync(file, "utf8"))![1]!;
      assert.ok(new RegExp(`\\b${run}/3\\b`).test(exported), `${verb}: ${module}:${run}/3`);
    }
  });

  test("has a file of its own, and help on both kinds of host", () => {
    const help = helpTexts();
    for (const [verb] of hostCommands("node")) {
      const file = join(projectRoot, "src", "control", "commands", `${verb}.ts`);
      assert.ok(existsSync(file), file);
    }
    for (const [verb] of hostCommands("beam")) {
      assert.ok(help[verb]!.startsWith(`Usage: @NAME@ ${verb}`), verb);
      assert.ok(help.all!.includes(`\n  ${verb} `), verb);
    }
    const widest = Math.max(
      ...Object.values(help).flatMap((text) => text.split("\n").map((line) => line.length)),
    );
    assert.ok(widest <= 80, String(widest));
  });

  for (const kind of ["node", "beam"] as const) {
    test(`is called as its example says (${kind})`, async () => {
      for (const [verb, { example }] of hostCommands(kind)) {
        const called: string[] = [];
        const host = { name: "wall", root: "/srv/wall", kind };
        const program = hostProgram(host, hostVerbs, async (found) => void called.push(found));
        const [bin, ...rest] = words(example);
        assert.equal(bin, "bin/wall");
        await program.parseAsync(rest, { from: "user" });
        assert.deepEqual(called, [verb], example);
      }
    });
  }
});

test("a command of tsugi is called as its example says", async () => {
  for (const [verb, { example }] of Object.entries<CommandRow>(TOOL_COMMANDS)) {
    const called: string[] = [];
    const program = new Command("tsugi")
      .exitOverride()
      .enablePositionalOptions()
      .helpCommand(false);
    for (const [name, row] of Object.entries<CommandRow>(TOOL_COMMANDS)) {
      declare(program, name, row).action(() => void called.push(name));
    }
    const [bin, ...rest] = words(example);
    assert.equal(bin, "tsugi");
    await program.parseAsync(rest, { from: "user" });
    assert.deepEqual(called, [verb], example);
  }
});
