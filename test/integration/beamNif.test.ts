/**
 * A dependency whose own compiler runs make and writes a library into its priv, as NIFs do. However often
 * and wherever it is built, the release has every file of it, and the same bytes.
 */
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { withoutProgress } from "../../src/beam/tools.ts";
import { BeamBuilds, BeamHost, copyFixture, elixirMissing, runRelease } from "../helpers/beam.ts";
import { mustRun } from "../helpers/commands.ts";
import { findProgram, needPackages } from "../helpers/debian.ts";

const missing = ["gcc", "make"].find((program) => findProgram(program) === undefined);
const skip =
  (await elixirMissing()) ||
  (missing !== undefined && `${missing} is not installed: no NIF is built`) ||
  (await headersMissing());
/** Debian keeps what a NIF is compiled with apart from the Erlang that it runs in. */
async function headersMissing(): Promise<string | false> {
  const root = ["-noshell", "-eval", "io:put_chars(code:root_dir()), halt()."];
  const { stdout } = await mustRun("erl", root);
  try {
    await needPackages([join(stdout.trim(), "usr", "include", "erl_nif.h")], ["erlang-dev"]);
    return false;
  } catch (error) {
    return (error as Error).message;
  }
}

const builds = new BeamBuilds();
after(() => builds.dispose());

const NATIVE: Record<string, string> = {
  ".gitignore": "/priv/*.so\n*.o\n",
  // Mix links priv before the compilers run, if it is there.
  "priv/.keep": "",
  "mix.exs": `defmodule Native.MixProject do
  use Mix.Project
  def project, do: [app: :native, version: "1.0.0", elixirc_paths: ["lib"], compilers: [:native_make | Mix.compilers()]]
end

defmodule Mix.Tasks.Compile.NativeMake do
  use Mix.Task.Compiler
  def run(_) do
    include = Path.join([:code.root_dir(), "usr", "include"])
    {_, 0} = System.cmd("make", ["-s", "ERL_INCLUDE=" <> include], into: IO.stream())
    :ok
  end
end
`,
  Makefile: `priv/native.so: c_src/native.c
	mkdir -p priv
	$(CC) -fPIC -shared -I$(ERL_INCLUDE) -o $@ $<
`,
  "c_src/native.c": `#include <erl_nif.h>
static ERL_NIF_TERM add(ErlNifEnv* env, int argc, const ERL_NIF_TERM argv[]) {
  int a, b;
  if (!enif_get_int(env, argv[0], &a) || !enif_get_int(env, argv[1], &b)) return enif_make_badarg(env);
  return enif_make_int(env, a + b);
}
static ErlNifFunc functions[] = {{"add", 2, add}};
ERL_NIF_INIT(Elixir.Native, functions, NULL, NULL, NULL, NULL)
`,
  "lib/native.ex": `defmodule Native do
  @on_load :load
  def load, do: :erlang.load_nif(Path.join(:code.priv_dir(:native), "native"), 0)
  def add(_, _), do: :erlang.nif_error(:not_loaded)
end
`,
};

function write(folder: string, files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

describe("a dependency with a NIF", { skip }, () => {
  test("two builds in one folder, a cached _build and a clean clone: the same bytes, and every file of priv (B3)", async () => {
    const library = join(builds.folder, "native");
    write(library, NATIVE);
    const git = ["-C", library, "-c", "user.name=t", "-c", "user.email=t@example.com"];
    await mustRun("git", ["init", "-q", library]);
    await mustRun("git", [...git, "add", "-A"]);
    await mustRun("git", [...git, "commit", "-qm", "native"]);
    const project = (name: string) => {
      const folder = join(builds.folder, name);
      copyFixture(folder, {
        fixture: "shop-0.0.1",
        edit: {
          "mix.exs": (text) =>
            text.replace("deps: []", `deps: [{:native, git: "file://${library}"}]`),
        },
      });
      return folder;
    };
    const build = async (folder: string) => {
      rmSync(join(folder, "rel"), { recursive: true, force: true });
      const result = await runRelease(folder);
      assert.equal(result.status, 0, result.output);
      const built = JSON.parse(result.stdout);
      const { stdout } = await mustRun("tar", ["tzf", built.tarball]);
      assert.ok(stdout.split("\n").includes("lib/native-1.0.0/priv/native.so"), folder);
      return { ...built, folder };
    };
    const first = await build(project("first"));
    const again = await build(first.folder);
    // What a CI keeps of the folder before, in a new checkout.
    const cached = project("cached");
    cpSync(join(first.folder, "_build"), join(cached, "_build"), {
      recursive: true,
      preserveTimestamps: true,
      verbatimSymlinks: true,
    });
    const clean = project("clean");
    // Compiled by hand before, with other flags.
    await mustRun("mix", ["deps.get"], { cwd: clean, env: { ...process.env, MIX_ENV: "prod" } });
    write(join(clean, "deps", "native"), { "priv/native.so": "not what make would make" });
    const others = [again, await build(cached), await build(clean)];
    for (const { sha256, folder } of others) assert.equal(sha256, first.sha256, folder);
    assert.ok(
      existsSync(join(clean, "deps", "native", "priv", "native.so")),
      "the project's is left alone",
    );
    const host = await BeamHost.start(first);
    try {
      assert.equal(await host.rpc("Native.add(1, 2)"), "3");
    } finally {
      await host.remove();
    }
  });

  test("dependencies that can't be fetched: what git says, without its progress (B7)", async () => {
    const folder = join(builds.folder, "unreachable");
    copyFixture(folder, {
      fixture: "shop-0.0.1",
      edit: {
        "mix.exs": (text) =>
          text.replace("deps: []", `deps: [{:paint, git: "file://${builds.folder}/nowhere"}]`),
      },
    });
    const { status, output } = await runRelease(folder);
    assert.equal(status, 1);
    assert.match(output, /nowhere/);
    assert.ok(output.length < 2_000, `${output.length} characters`);
    const noise = Array.from({ length: 400 }, (_, n) => `Receiving objects: ${n}% (${n}/400)`);
    const progress = `remote: Counting objects: 100% (9/9), done.\n${noise.join("\r")}\nfatal: no space\n`;
    assert.equal(withoutProgress(progress), "fatal: no space\n");
  });
});
