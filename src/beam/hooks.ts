/** `appup.before` and `appup.after` as Erlang terms: "Shop.Release.migrate" → {'Elixir.Shop.Release',migrate,[]}. */
import { TsugiError } from "../contract/errors.ts";

interface Hooks {
  before?: readonly unknown[] | undefined;
  after?: readonly unknown[] | undefined;
}

/** undefined: there are none. */
export function hookTerms(appup: Hooks | undefined): string | undefined {
  const named = [
    ["before", appup?.before ?? []],
    ["after", appup?.after ?? []],
  ] as const;
  if (named.every(([, steps]) => steps.length === 0)) return undefined;
  const entries = named.map(([key, steps]) => `{'${key}', [${steps.map(hookTerm).join(", ")}]}`);
  return `[${entries.join(",\n ")}].\n`;
}

function hookTerm(step: unknown): string {
  const text = typeof step === "string" ? step.replace(/\(\)$/, "") : "";
  const elixir = /^([A-Z][A-Za-z0-9_.]*)\.([a-z_][A-Za-z0-9_]*[?!]?)$/.exec(text);
  if (elixir) return `{'Elixir.${elixir[1]}', '${elixir[2]}', []}`;
  const erlang = /^([a-z][A-Za-z0-9_]*):([a-z][A-Za-z0-9_]*)$/.exec(text);
  if (erlang) return `{'${erlang[1]}', '${erlang[2]}', []}`;
  throw new TsugiError("TSUGI_CONFIG_INVALID", {
    where: "appup",
    problem: `expected a function of the release such as "Shop.Release.migrate" or "shop_release:migrate", found ${JSON.stringify(step) ?? String(step)}`,
  });
}
