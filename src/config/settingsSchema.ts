/** The schema of those settings that run with a release, from their one table. */
import { z } from "zod";
import { CHECKS } from "../contract/checks.ts";
import {
  SETTINGS,
  type Setting,
  type SettingKind,
  type SettingSection,
} from "../contract/settings.ts";
import { cronProblem } from "../platform/cron.ts";
import { LOG_FORMATS, type PartialSettings } from "../protocol/settings.ts";

const textThatIs = (kind: SettingKind, isIt: (text: string) => boolean = CHECKS[kind]) =>
  z.string().refine(isIt, `expected ${kind}`);

const SCHEMAS: Record<SettingKind, z.ZodType> = {
  "a positive whole number": z.int().min(1),
  "a whole number": z.int().min(0),
  "a port": z.int().min(1).max(65535),
  "plain, json or raw": z.enum(LOG_FORMATS),
  "true or false": z.boolean(),
  "a command": z.string().regex(/\S/),
  "an http or https URL": z.string().regex(/^https?:\/\/[^\s/]+\S*$/),
  'a path that begins with "/"': z.string().startsWith("/"),
  'a size such as "512M"': textThatIs('a size such as "512M"'),
  'times as cron has them, such as "0 4 * * *"': textThatIs(
    'times as cron has them, such as "0 4 * * *"',
    (text) => cronProblem(text) === undefined,
  ),
};

const HOSTS = { node: "Node.js", beam: "Elixir and Erlang" };

function schemaOf(name: string, setting: Setting): z.ZodType {
  const unit = name.endsWith("Ms") ? ", in milliseconds" : "";
  const only = setting.only === undefined ? "" : ` (${HOSTS[setting.only]} only)`;
  const fallback = setting.default === undefined ? "" : ` Default ${setting.default}.`;
  return SCHEMAS[setting.kind].describe(`${setting.text}${unit}${only}.${fallback}`).optional();
}

function sectionOf({ text, settings }: SettingSection): z.ZodType {
  const keys = Object.entries(settings).map(([name, setting]) => [name, schemaOf(name, setting)]);
  return z.strictObject(Object.fromEntries(keys)).describe(text).optional();
}

const schemas = Object.entries<Setting | SettingSection>(SETTINGS).map(([name, entry]) => [
  name,
  "settings" in entry ? sectionOf(entry) : schemaOf(name, entry),
]);

/** To be spread into the schema of the whole. */
export const settingsSchema = Object.fromEntries(schemas) as {
  [K in keyof typeof SETTINGS]: z.ZodOptional<
    z.ZodType<NonNullable<PartialSettings[K]>, NonNullable<PartialSettings[K]>>
  >;
};
