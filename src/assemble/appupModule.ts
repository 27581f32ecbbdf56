/**
 * The functions of an appup, compiled into a module of the release. Only they: of the configuration,
 * which also knows hosts and where their secrets are, `appup` is taken and what it reaches.
 */
import { join } from "node:path";
import type { Plugin } from "rolldown";
import { TsugiError } from "../contract/errors.ts";
import { isIdentifier, isNode, type Node, parseModule, stringValue } from "./ast.ts";

/** @throws TSUGI_CONFIG_INVALID where `appup` can't be told from the rest without running it */
export function appupPlugin(folder: string, configFile: string): Plugin {
  const file = join(folder, configFile);
  return {
    name: "tsugi-appup",
    resolveId: {
      order: "pre",
      handler: (id) => (id === "tsugi" ? TSUGI : null),
    },
    load: (id) => (id === TSUGI ? "export const defineConfig = (config) => config;" : null),
    transform: {
      order: "pre",
      handler(code, id) {
        return id === file ? onlyAppup(code, configFile) : null;
      },
    },
  };
}

const TSUGI = "\0tsugi";

/** The same module with nothing but `appup` in the object that it exports; lines stay where they are. */
export function onlyAppup(code: string, configFile: string): string {
  const body = (parseModule(code, configFile)?.body ?? []) as Node[];
  const exported = body.find(({ type }) => type === "ExportDefaultDeclaration");
  const object = exported && objectOf(exported.declaration as Node, body);
  const appup = (object?.properties as Node[] | undefined)?.find(
    (property) => property.type === "Property" && isAppup(property),
  );
  if (!object || !appup) {
    throw new TsugiError("TSUGI_CONFIG_INVALID", {
      where: configFile,
      problem:
        'functions of appup are compiled, so `appup` has to stand in the object after `export default`; or name a file: ["node", "./migrate.ts"]',
    });
  }
  const emptied = (from: number, to: number) => code.slice(from, to).replace(/[^\n]+/g, "");
  return [
    code.slice(0, object.start),
    `{${emptied(object.start, appup.start)}`,
    code.slice(appup.start, appup.end),
    `${emptied(appup.end, object.end)}}`,
    code.slice(object.end),
  ].join("");
}

/** `defineConfig({ … })`, `{ … } satisfies Config`, or the name of a constant that is one of these. */
function objectOf(node: Node | undefined, body: readonly Node[]): Node | undefined {
  if (node === undefined) return undefined;
  if (node.type === "ObjectExpression") return node;
  if (node.type === "CallExpression") return objectOf((node.arguments as Node[])[0], body);
  if (/^TS(As|Satisfies|NonNull)Expression$/.test(node.type)) {
    return objectOf(node.expression as Node, body);
  }
  if (node.type !== "Identifier") return undefined;
  const constants = body
    .filter(({ type }) => type === "VariableDeclaration")
    .flatMap(({ declarations }) => declarations as Node[]);
  const found = constants.find(({ id }) => isIdentifier(id, node.name as string));
  return isNode(found?.init) ? objectOf(found.init, []) : undefined;
}

const isAppup = ({ key, computed }: Node): boolean =>
  computed !== true && (isIdentifier(key, "appup") || stringValue(key) === "appup");
