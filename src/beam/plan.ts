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
  const platform = differences.filter(({ component }) => isPlatform(component));
  const changed = differences.filter(({ component }) => !isPlatform(component));
  const restarts = platform.map(({ component, from, to }) => `${component} ${from} → ${to}`);
  const swaps = changed.map(({ component, from, to }) => `${component} ${from} → ${to}`);
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
    obstacles,
  };
}

export const isPlatform = (component: string): boolean =>
  component === "erts" || ELIXIR.includes(component) || OTP.includes(component);

function differencesOf(from: Manifest, to: Manifest): Difference[] {
  const [old, now] = [versionsOf(from), versionsOf(to)];
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return names
    .map((component) => ({
      component,
      from: old.get(component) ?? "-",
      to: now.get(component) ?? "-",
      why: isPlatform(component) ? "OTP and Elixir change with a restart" : "its appup is computed",
    }))
    .filter(({ from, to }) => from !== to);
}

function versionsOf({ components, runtime }: Manifest): Map<string, string> {
  const isLibrary = ({ dir }: ManifestComponent) => dir?.startsWith("lib/");
  const libraries = components
    .filter(isLibrary)
    .map(({ name, version }) => [name, version ?? ""] as const);
  return new Map([["erts", runtime.dir.replace(/^erts-/, "")], ...libraries]);
}
