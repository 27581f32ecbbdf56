/** Erlang/OTP releases: made by rebar3 here, or found in a folder that something else has made. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import type { BuildLog } from "../pack/log.ts";
import { runTool } from "./tools.ts";

export interface FoundRelease {
  name: string;
  version: string;
}

/** The one version below releases/, and its name from the .rel file. */
export function readReleaseFolder(folder: string, asked: string | undefined): FoundRelease {
  const versions = readdirSync(join(folder, "releases"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  const [version, ...more] = versions;
  if (version === undefined || more.length > 0) {
    const problem = `${join(folder, "releases")} holds ${versions.length} versions, expected one`;
    throw new TsugiError("TSUGI_PROJECT_INVALID", { problem });
  }
  const place = join(folder, "releases", version);
  const names = readdirSync(place)
    .filter((file) => file.endsWith(".rel"))
    .map((file) =>
      /\{\s*release\s*,\s*\{\s*"([^"]+)"/.exec(readFileSync(join(place, file), "utf8")),
    )
    .map((match) => match?.[1])
    .filter((name) => name !== undefined && !/^(start_clean|no_dot_erlang)$/.test(name));
  const name = asked ?? names[0];
  if (name === undefined) {
    throw new TsugiError("TSUGI_PROJECT_INVALID", { problem: `${place} holds no .rel file` });
  }
  if (!readdirSync(folder).some((entry) => entry.startsWith("erts-"))) {
    throw new TsugiError("TSUGI_PROJECT_INVALID", {
      problem: `${folder} carries no erts; make the release with include_erts`,
    });
  }
  return { name, version };
}

export async function assembleRebar(folder: string, work: string, log: BuildLog): Promise<string> {
  log.step("rebar3 release");
  const output = join(work, "rebar");
  await runTool("rebar3", ["as", "prod", "release", "-o", output], folder);
  const [name] = readdirSync(output).filter((entry) => existsSync(join(output, entry, "releases")));
  if (name === undefined) {
    throw new TsugiError("TSUGI_BUILD_FAILED", { what: "rebar3", problem: "it made no release" });
  }
  return join(output, name);
}
