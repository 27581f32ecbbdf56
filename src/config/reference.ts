/** The schema as a flat list of keys, for `tsugi help config` and the reference page. */
import { z } from "zod";
import { configSchema } from "./schema.ts";

export interface ConfigKey {
  /** `processes.<name>.entry` */
  path: string;
  type: string;
  text: string;
}

interface JsonSchema {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  description?: string;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | false;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
}

export function configReference(): ConfigKey[] {
  const schema = z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" });
  const keys: ConfigKey[] = [];
  collect(schema as JsonSchema, "", keys);
  return keys;
}

function collect(schema: JsonSchema, prefix: string, keys: ConfigKey[]): void {
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const path = `${prefix}${name}`;
    keys.push({ path, type: typeOf(property), text: property.description ?? "" });
    collectBelow(property, path, keys);
  }
}

function collectBelow(schema: JsonSchema, path: string, keys: ConfigKey[]): void {
  collect(schema, `${path}.`, keys);
  if (schema.additionalProperties) {
    collectBelow(schema.additionalProperties, `${path}.<name>`, keys);
  }
  if (schema.items) collectBelow(schema.items, `${path}[]`, keys);
  for (const option of schema.anyOf ?? []) collectBelow(option, path, keys);
}

function typeOf(schema: JsonSchema): string {
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeOf))].join(" | ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `${bracketed(typeOf(schema.items ?? {}))}[]`;
  if (schema.type === "integer") return "number";
  if (schema.type !== undefined) return schema.type;
  return "command or function";
}

const bracketed = (type: string) => (type.includes(" ") ? `(${type})` : type);
