/** Which kind of BEAM project a folder holds, and what tsugi has to know about it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { readReleaseFolder } from "./otp.ts";
import { beamSource, runTool } from "./tools.ts";

export type BeamKind = "mix" | "rebar" | "release";

/** A Mix project, a rebar3 project, or the folder of an OTP release that something else has made. */
export function beamKind(folder: string): BeamKind | undefined {
  if (existsSync(join(folder, "mix.exs"))) return "mix";
  if (existsSync(join(folder, "rebar.config"))) return "rebar";
  const isRelease = existsSync(join(folder, "lib")) && existsSync(join(folder, "releases"));
  return isRelease && !existsSync(join(folder, "package.json")) ? "release" : undefined;
}

export const isBeamProject = (folder: string): boolean => beamKind(folder) !== undefined;

/** What a build names its release, without one; undefined where the folder is no such project. */
export async function beamName(folder: string): Promise<string | undefined> {
  const kind = beamKind(folder);
  if (kind === "mix") return (await readMixFacts(folder, undefined)).release;
  if (kind === "release") return readReleaseFolder(folder, undefined).name;
  if (kind === undefined) return undefined;
  const text = readFileSync(join(folder, "rebar.config"), "utf8");
  const name = /^[^%\n]*\{\s*release\s*,\s*\{\s*'?([\w-]+)/m.exec(text)?.[1];
  if (name !== undefined) return name;
  const problem = `rebar.config names no release; say it in tsugi.config.*: name: "…"`;
  throw new TsugiError("TSUGI_PROJECT_INVALID", { problem });
}

export interface MixFacts {
  release: string;
  /** `releases:` of mix.exs names it; without one Mix makes a release of the application itself. */
  isNamed: boolean;
  version: string;
  /** Applications of the project itself; their version follows the release. */
  own: string[];
  hasAssets: boolean;
  allowedSecrets: string[];
}

/** Asks Mix; `settingsFile` gets what mix.exs says in `releases: [name: [tsugi: …]]`. */
export async function readMixFacts(
  folder: string,
  asked: string | undefined,
  settingsFile = "",
): Promise<MixFacts> {
  const script = beamSource("build", "project.exs");
  const env = { TSUGI_RELEASE: asked ?? "", TSUGI_SETTINGS_FILE: settingsFile };
  const args = ["loadconfig", script];
  const facts = factsOf(await runTool("mix", args, folder, env));
  const [release] = facts.get("release") ?? [];
  const [version] = facts.get("version") ?? [];
  const names = facts.get("releases")?.[0] ?? "";
  if (!release) {
    const problem = `mix.exs names several releases (${names}) and no default_release`;
    throw new TsugiError("TSUGI_PROJECT_INVALID", { problem });
  }
  if (facts.get("include_erts")?.[0] !== "true") {
    const problem = `the release ${release} has include_erts: false; a host has no Erlang`;
    throw new TsugiError("TSUGI_PROJECT_INVALID", { problem });
  }
  return {
    release,
    isNamed: names.split(",").includes(release),
    version: version ?? "",
    own: facts.get("own") ?? [],
    hasAssets: facts.get("assets")?.[0] === "true",
    allowedSecrets: facts.get("allow_secret") ?? [],
  };
}

/** Lines `tsugi:key=value` among whatever else was printed. */
export function factsOf(output: string): Map<string, string[]> {
  const facts = new Map<string, string[]>();
  for (const line of output.split("\n")) {
    const match = /^tsugi:(\w+)=(.*)$/.exec(line.trimEnd());
    if (!match) continue;
    const [, key, value] = match as unknown as [string, string, string];
    facts.set(key, [...(facts.get(key) ?? []), value]);
  }
  return facts;
}
