/**
 * `tsugi release` for Elixir and Erlang, what pack/pipeline.ts runs:
 *   decide (compile and assemble: mix, rebar3, or what is there) → compose (shape, settings, manifest).
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { TsugiError } from "../contract/errors.ts";
import type { BuiltRelease } from "../pack/built.ts";
import type { Composed } from "../pack/composed.ts";
import { type BuildLog, silentLog } from "../pack/log.ts";
import { type BuildRequest, build, type ReleaseKind } from "../pack/pipeline.ts";
import { refuseSecrets } from "../pack/secrets/index.ts";
import { resolveVersion } from "../pack/version.ts";
import { overlaySettings, settingsIn } from "../protocol/settings.ts";
import { beamBuildsIn, layoutOf } from "../release/layout.ts";
import { canonicalJson } from "../release/manifest.ts";
import { composeBeam } from "./compose.ts";
import { hookTerms } from "./hooks.ts";
import { assembleMix, fetchDependencies } from "./mix.ts";
import { assembleRebar, readReleaseFolder } from "./otp.ts";
import { beamKind, type MixFacts, readMixFacts } from "./project.ts";
import { overlayPath, shapeRelease } from "./shape.ts";

interface Decided {
  config: Config;
  assembled: Assembled;
}

export async function releaseBeam(
  request: BuildRequest,
  log: BuildLog = silentLog,
): Promise<BuiltRelease> {
  const out = request.out ?? beamBuildsIn(request.into ?? request.folder);
  mkdirSync(out, { recursive: true });
  const work = mkdtempSync(join(out, ".build-"));
  const places = { work, settingsFile: join(work, "tsugi.config") };
  const beam: ReleaseKind<Decided> = {
    async decide() {
      const { config } = await loadConfig(request.folder, request.configFile);
      return { config, assembled: await assemble(request, config, places, log) };
    },
    layout: ({ assembled: { name } }) => layoutOf(join(out, name), name),
    compose: (decided) => compose(request.folder, decided, places, log),
  };
  try {
    return await build(beam, request.signKey, log);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

interface Places {
  /** A folder that goes away after the build. */
  work: string;
  settingsFile: string;
}

async function compose(
  folder: string,
  { config, assembled }: Decided,
  { work, settingsFile }: Places,
  log: BuildLog,
): Promise<Composed> {
  const { name, version, own, tree, build: tool } = assembled;
  copyAppups(folder, tree, own);
  addHooks(config, settingsFile);
  log.step("Shaping the release");
  const shaped = await shapeRelease({ tree, name, version, own, settingsFile, work });
  if (shaped.overlays.length > 0)
    log.guess("overlays", shaped.overlays.join(", "), `in ${overlayPath(version)}`);
  const allow = config.secrets?.allow ?? [];
  refuseConfigSecrets(shaped.secrets, [
    ...assembled.allowedSecrets,
    ...allow.map(({ file }) => file),
  ]);
  writeSettings(tree, version, config);
  const { erts, runtime, otp } = shaped;
  // Of a release that something else has made: what is neither Erlang's nor Elixir's.
  const foreign = () => applicationsOf(tree).filter((app) => app !== "tsugi");
  const applications = tool === "otp" ? foreign() : own;
  const parts = { erts, runtime, otp, own: applications };
  const composed = composeBeam({ tree, name, version, build: tool, ...parts });
  const files = composed.groups.flatMap((group) => group.files);
  const isOwn = ({ path }: { path: string }) =>
    !/^(lib|erts-[^/]+\/lib)\//.test(path) || own.some((app) => path.startsWith(`lib/${app}-`));
  await refuseSecrets(
    {
      own: files.filter(isOwn),
      packages: files.filter((file) => !isOwn(file)),
      project: folder,
      allow,
      // Some of them name places in sys.config.
      tellsUnused: false,
    },
    log,
  );
  return composed;
}

interface Assembled {
  name: string;
  version: string;
  own: string[];
  tree: string;
  build: "mix" | "otp";
  allowedSecrets: string[];
}

async function assemble(
  request: BuildRequest,
  config: Config,
  { work, settingsFile }: Places,
  log: BuildLog,
): Promise<Assembled> {
  const { folder } = request;
  const tree = join(work, "tree");
  const kind = beamKind(folder);
  const asked = request.version ?? config.version;
  if (kind === "mix") {
    await fetchDependencies(folder, log);
    const facts = await readMixFacts(folder, config.name, settingsFile);
    log.guess("name", facts.release, "mix.exs");
    const version = await versionOf(folder, facts, asked, log);
    await assembleMix(folder, facts, version, tree, log);
    const { release: name, own, allowedSecrets } = facts;
    return { name, version, own, tree, build: "mix", allowedSecrets };
  }
  const source = kind === "rebar" ? await assembleRebar(folder, work, log) : folder;
  const found = readReleaseFolder(source, config.name);
  if (asked !== undefined && asked !== found.version) {
    const problem = `the release in ${source} is ${found.version}; its version is said where it is made, not by tsugi`;
    throw new TsugiError("TSUGI_PROJECT_INVALID", { problem });
  }
  const parts = readdirSync(source).filter((name) => /^(bin|lib|releases|erts-.*)$/.test(name));
  for (const part of parts) {
    cpSync(join(source, part), join(tree, part), { recursive: true, verbatimSymlinks: true });
  }
  const { name, version } = found;
  log.guess("release", `${name} ${version}`, source);
  return { name, version, own: [], tree, build: "otp", allowedSecrets: [] };
}

const applicationsOf = (tree: string) =>
  readdirSync(join(tree, "lib")).map((folder) => folder.replace(/-\d.*$/, ""));

async function versionOf(
  folder: string,
  { version }: MixFacts,
  asked: string | undefined,
  log: BuildLog,
): Promise<string> {
  const packageJson = { version };
  const wanted = asked === "package" ? undefined : asked;
  const project = { folder, packageJson } as Parameters<typeof resolveVersion>[0];
  if (wanted !== undefined) return resolveVersion(project, wanted, log);
  log.guess("version", version, "mix.exs");
  return version;
}

/** An application's own appup wins: rel/appups/<app>.appup, or <app>.appup beside its mix.exs. */
function copyAppups(folder: string, tree: string, own: string[]): void {
  for (const app of own) {
    const candidates = [
      join(folder, "rel", "appups", `${app}.appup`),
      join(folder, `${app}.appup`),
      join(folder, "apps", app, `${app}.appup`),
    ];
    const file = candidates.find((candidate) => existsSync(candidate));
    const library = readdirSync(join(tree, "lib")).find((name) => name.startsWith(`${app}-`));
    if (file !== undefined && library !== undefined) {
      cpSync(file, join(tree, "lib", library, "ebin", `${app}.appup`));
    }
  }
}

/** `appup: { before, after }` of tsugi.config.*, where mix.exs does not say it already. */
function addHooks(config: Config, settingsFile: string): void {
  const { force = [], forbid = [] } = config.appup ?? {};
  if (force.length + forbid.length > 0) {
    const problem =
      "force and forbid are for Node; here an OTP appup says it: rel/appups/<app>.appup";
    throw new TsugiError("TSUGI_CONFIG_INVALID", { where: "appup", problem });
  }
  const terms = hookTerms(config.appup);
  const isSaid = existsSync(settingsFile) && readFileSync(settingsFile, "utf8").trim() !== "[].";
  if (terms !== undefined && !isSaid) writeFileSync(settingsFile, terms);
}

function refuseConfigSecrets(found: string[], allowed: string[]): void {
  const isAllowed = (place: string) =>
    allowed.some((entry) => entry === place || entry === place.replace(" ", "."));
  const places = found.filter((place) => !isAllowed(place));
  if (places.length === 0) return;
  throw new TsugiError("TSUGI_BEAM_CONFIG_SECRET", {
    places: places.join(", "),
    first: places[0]!,
  });
}

function writeSettings(tree: string, version: string, config: Config): void {
  const file = join(tree, "releases", version, "config.json");
  writeFileSync(file, canonicalJson(overlaySettings(settingsIn(config))));
}
