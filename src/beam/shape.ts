/**
 * Shapes what mix, rebar3 or systools has made into a tsugi release, in place (erl/tsugi_build.erl):
 * a version per release for the project's own applications, sasl, crypto and tsugi added, boot script
 * written anew, sys.config turned into build.config, secrets looked for.
 */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { ownPackage } from "../pack/ownPackage.ts";
import { compileOwn } from "./compileOwn.ts";
import { writeContract } from "./contract.ts";
import { ELIXIR, OTP } from "./plan.ts";
import { factsOf } from "./project.ts";
import { beamSource, runTool } from "./tools.ts";

export interface Shaped {
  /** The emulator's version, and the folder of the runtime, which says which build of it this is. */
  erts: string;
  runtime: string;
  otp: string;
  /** `app key.key` of what looks like a secret in the built-in configuration. */
  secrets: string[];
  /** Own applications with the version they got. */
  own: string[];
  /** What the project lays into the root of a release, and where it is now. */
  overlays: string[];
}

export interface ShapeRequest {
  tree: string;
  name: string;
  version: string;
  own: string[];
  /** Erlang terms for releases/<vsn>/tsugi.config, if any. */
  settingsFile: string;
  work: string;
}

export async function shapeRelease(request: ShapeRequest): Promise<Shaped> {
  const { tree, name, version, own, work } = request;
  const tsugiDir = `tsugi-${ownPackage().version}`;
  dropHostFiles(tree);
  // `steps: [:assemble, :tar]`: Mix's own tarball has its cookie and sys.config, which nobody has looked into.
  rmSync(join(tree, `${name}-${version}.tar.gz`), { force: true });
  const overlays = placeOverlays(tree, version);
  dropCookie(join(tree, "releases", version, "vm.args"));
  setScriptAside(tree, name);
  const compiled = await compileOwn(work);
  placeTsugi(compiled, join(tree, "lib", tsugiDir));
  const spec = join(work, "shape.terms");
  const quoted = (text: string) => JSON.stringify(text);
  const atoms = (names: string[]) => names.map((app) => `'${app}'`).join(",");
  writeFileSync(
    spec,
    `{tree,${quoted(tree)}}.\n{name,${quoted(name)}}.\n{version,${quoted(version)}}.\n` +
      `{own,[${atoms(own)}]}.\n{platform,[${atoms([...OTP, ...ELIXIR])}]}.\n` +
      `{tsugi,${quoted(join(tree, "lib", tsugiDir))}}.\n`,
  );
  const code = join(compiled, "build");
  const args = ["-noshell", "-pa", code, "-run", "tsugi_build", "main", "-extra", spec];
  const facts = factsOf(await runTool("erl", args, work));
  const erts = facts.get("erts")?.[0] ?? "";
  const runtime = facts.get("runtime")?.[0] ?? "";
  const folder = join(tree, "releases", version);
  const mixScript = join(tree, "bin", `${name}.mix`);
  for (const script of [join(folder, "elixir"), join(folder, "iex"), mixScript])
    nameRuntime(script, erts, runtime);
  readEtc(mixScript);
  writeFileSync(join(folder, "tsugi"), `${tsugiDir} ${runtime}\n`);
  if (existsSync(request.settingsFile)) {
    const settings = readFileSync(request.settingsFile, "utf8");
    if (settings.trim() !== "[].") writeFileSync(join(folder, "tsugi.config"), settings);
  }
  return {
    erts,
    runtime,
    otp: facts.get("otp")?.[0] ?? "",
    secrets: facts.get("secret") ?? [],
    own: facts.get("own") ?? [],
    overlays,
  };
}

/**
 * Versions share the root, so what `mix release` has laid there (overlays) goes into the release's own
 * folder. `bin` is the root's, and each unpacked release replaces what it has there.
 */
function placeOverlays(tree: string, version: string): string[] {
  const found = readdirSync(tree).filter((name) => !/^(bin|lib|releases|erts-.*)$/.test(name));
  for (const name of found) {
    const to = join(tree, overlayPath(version), name);
    mkdirSync(dirname(to), { recursive: true });
    renameSync(join(tree, name), to);
  }
  return found;
}

export const overlayPath = (version: string): string => `releases/${version}/overlays`;

/** The cookie and what boots next are the host's own; Windows' scripts have no use on a host. */
function dropHostFiles(tree: string): void {
  for (const file of ["COOKIE", "start_erl.data", "RELEASES"]) {
    rmSync(join(tree, "releases", file), { force: true });
  }
  rmSync(join(tree, "tmp"), { recursive: true, force: true });
  rmSync(join(tree, "log"), { recursive: true, force: true });
  const walk = (folder: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && folder === join(tree, "releases")) walk(path);
      else if (/\.bat$/.test(entry.name)) rmSync(path);
    }
  };
  for (const folder of ["bin", "releases"]) {
    if (existsSync(join(tree, folder))) walk(join(tree, folder));
  }
}

/** relx has one in vm.args, the same for everyone. */
function dropCookie(vmArgs: string): void {
  if (!existsSync(vmArgs)) return;
  const text = readFileSync(vmArgs, "utf8");
  writeFileSync(
    vmArgs,
    text.replace(/^[ \t]*-setcookie\b.*$/gm, "## -setcookie: the host has its own"),
  );
}

function setScriptAside(tree: string, name: string): void {
  const bin = join(tree, "bin");
  mkdirSync(bin, { recursive: true });
  const script = join(bin, name);
  if (existsSync(script)) renameSync(script, join(bin, `${name}.mix`));
  cpSync(beamSource("host", "bin.sh"), script);
  chmodSync(script, 0o755);
}

/** In the scripts of mix and relx, which find the emulator by its version. */
function nameRuntime(script: string, erts: string, runtime: string): void {
  if (!existsSync(script)) return;
  const text = readFileSync(script, "utf8");
  const named = text.replaceAll(`erts-${erts}`, runtime).replaceAll("erts-$ERTS_VSN", runtime);
  writeFileSync(script, named);
}

/** Mix's own script takes what `etc/env` says, too, ahead of `env.sh`. */
function readEtc(script: string): void {
  if (!existsSync(script)) return;
  const text = readFileSync(script, "utf8");
  writeFileSync(
    script,
    text.replace(/^REL_VSN_DIR=.*\n/m, (line) => line + READ_ETC),
  );
}

const READ_ETC = `read -r tsugi _rest < "$REL_VSN_DIR/tsugi"
TSUGI_ROOT=$RELEASE_ROOT
TSUGI_LIB=$RELEASE_ROOT/lib/$tsugi
. "$TSUGI_LIB/priv/environment.sh"
tsugi_read_etc
`;

/** tsugi's application as it ships: code, the sh programs, and the words of every error. */
function placeTsugi(compiled: string, library: string): void {
  const priv = join(library, "priv");
  mkdirSync(priv, { recursive: true });
  cpSync(join(compiled, "ebin"), join(library, "ebin"), { recursive: true });
  const host = beamSource("host");
  for (const file of readdirSync(host)) {
    if (/\.(sh|awk)$/.test(file) && file !== "bin.sh") cpSync(join(host, file), join(priv, file));
  }
  writeContract(priv);
}
