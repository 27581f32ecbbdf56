/**
 * `tsugi plan` between two BEAM releases, from their manifests alone: what would be swapped, or why
 * only a restart will do. The relup itself is computed on the host, where the beams are; `bin/<app>
 * plan <vsn>` shows it there.
 */

import type { Manifest, ManifestComponent } from "../release/manifest.ts";
import type { Difference, Plan } from "../relup/index.ts";

/** As tsugi_release:otp_apps/0 and elixir_apps/0 have them (a test says so): a new version of one means a restart. */
export const ELIXIR = ["elixir", "eex", "ex_unit", "iex", "logger", "mix"];
export const OTP =
  "asn1 common_test compiler crypto debugger dialyzer diameter edoc eldap erl_interface et eunit ftp inets jinterface kernel megaco mnesia observer odbc os_mon parsetools public_key reltool runtime_tools sasl snmp ssh ssl stdlib syntax_tools tftp tools wx xmerl".split(
    " ",
  );

export function planBeam(from: Manifest, to: Manifest): Plan {
  const differences = differencesOf(from, to);
  const restarts = restartReasons(differences);
  const swaps = differences.map(({ component, from, to }) => `${component} ${from} → ${to}`);
  const obstacles: Plan["obstacles"] =
    from.name === to.name
      ? []
      : [{ code: "TSUGI_NAME_DIFFERS", details: { from: from.name, to: to.name } }];
  return {
    strategy:
      differences.length === 0 && from.version === to.version
        ? "none"
        : restarts.length > 0
          ? "restart"
          : "swap",
    from: from.version,
    to: to.version,
    reasons: restarts.length > 0 ? restarts : swaps,
    differences,
    instructions: [],
    steps: [],
    obstacles,
  };
}

const isPlatform = (component: string): boolean =>
  component === "erts" || ELIXIR.includes(component) || OTP.includes(component);

/** A version that a release has not. */
const NONE = "-";
const NAMED = 3;

/** One of Erlang's applications that is new, or goes, is started or stopped like any other. */
function restartReasons(differences: Difference[]): string[] {
  const changed = differences.filter(
    ({ component, from, to }) => isPlatform(component) && from !== NONE && to !== NONE,
  );
  const versions = changed.filter(({ from, to }) => from !== to);
  const builds = changed.filter(({ from, to }) => from === to);
  return [
    ...versions.map(({ component, from, to }) => `${component} ${from} → ${to}`),
    ...(builds.length > 0 ? [anotherBuild(builds)] : []),
  ];
}

/** As tsugi_plan:another_build/3 says it. */
function anotherBuild(differences: Difference[]): string {
  const names = differences.slice(0, NAMED).map(({ component, to }) => `${component} ${to}`);
  const more = differences.length - names.length;
  const list = [...names, ...(more > 0 ? [`${more} more`] : [])].join(", ");
  return `another build of the same version: ${list}`;
}

function differencesOf(from: Manifest, to: Manifest): Difference[] {
  const [old, now] = [librariesOf(from), librariesOf(to)];
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return names.flatMap((component) => {
    const [before, after] = [old.get(component), now.get(component)];
    const versions = { from: before?.version ?? NONE, to: after?.version ?? NONE };
    const isBuiltOtherwise = isPlatform(component) && before?.hash !== after?.hash;
    if (versions.from === versions.to && !isBuiltOtherwise) return [];
    const why = isPlatform(component)
      ? "OTP and Elixir change with a restart"
      : "its appup is computed";
    return [{ component, ...versions, why }];
  });
}

const librariesOf = ({ components }: Manifest): Map<string, ManifestComponent> =>
  new Map(components.filter(({ name }) => name !== "config").map((each) => [each.name, each]));
