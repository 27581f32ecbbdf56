/** The two kinds of release that keep the contract of `bin/<app>`: the same small shop in each. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BuiltApp } from "../../helpers/appHost.ts";
import { BeamBuilds, elixirMissing, runRelease } from "../../helpers/beam.ts";

/**
 * A shop in two versions. Both answer /version, /add and /count; 0.0.2 keeps its count in another
 * form, and can't take over a cart of 13.
 */
export interface Kind {
  name: "node" | "beam";
  skip: string | false;
  one(): Promise<BuiltApp>;
  two(): Promise<BuiltApp>;
  dispose(): void;
  /** How an upgrade between the two goes. */
  strategy: "handoff" | "swap";
  /** The name of the state in reports. */
  state: string;
  /** The version's own words for a release that stops while it boots: an edit of 0.0.1. */
  broken(): Promise<BuiltApp>;
  /** In the language of the application. */
  expressions: {
    sum: string;
    throws: string;
    unreadable: string;
    /** Ends the process that has the state, as a crash would. */
    log: string;
  };
  /** What `version` says it runs on. */
  runsOn: RegExp;
}

export const nodeKind = (): Kind => {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-contract-"));
  const built = new Map<string, Promise<BuiltApp>>();
  const get = (version: string, sources: string) => {
    const build = built.get(version) ?? buildNode(join(folder, version), version, sources);
    built.set(version, build);
    return build;
  };
  return {
    name: "node",
    skip: false,
    one: () => get("0.0.1", nodeShop("version: 1, initial: () => 0", "cart.value += 1")),
    two: () => get("0.0.2", nodeShop(SECOND_CART, "cart.value.count += 1")),
    broken: () => get("0.0.3", 'throw new Error("no table " + "called admirals");\n'),
    dispose: () => rmSync(folder, { recursive: true, force: true }),
    strategy: "handoff",
    state: "cart",
    expressions: {
      sum: "20 + 22",
      throws: "Promise.reject(new Error('not today'))",
      unreadable: "(",
      log: "console.log('said ' + 'aloud')",
    },
    runsOn: /Node \d+\./,
  };
};

const SECOND_CART = `version: 2, initial: () => ({ count: 0 }),
  upgrade: { 1: (count) => {
    if (count === 13) throw new Error("13 is no number");
    return { count };
  } },
  downgrade: { 2: ({ count }) => count }`;

const nodeShop = (state: string, add: string) => `
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { hot } from "tsugi/hot";
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const cart = hot.state("cart", { ${state} });
const count = () => cart.value.count ?? cart.value;
let requests = 0;
hot.health(() => ({ requests }));
createServer((request, response) => {
  requests += 1;
  if (request.url === "/add") ${add};
  const greeting = process.env.GREETING ?? "hello";
  response.end(String({ "/version": version, "/greeting": greeting }[request.url] ?? count()));
}).listen(Number(process.env.PORT), "127.0.0.1", () => console.log("listening"));
`;

async function buildNode(folder: string, version: string, source: string): Promise<BuiltApp> {
  mkdirSync(join(folder, "src"), { recursive: true });
  const project = { name: "shop", version, type: "module" };
  writeFileSync(join(folder, "package.json"), JSON.stringify(project));
  writeFileSync(join(folder, "src", "server.ts"), source);
  const runtime = { node: process.versions.node, from: process.execPath };
  const settings = `export default ${JSON.stringify({ runtime, entry: "src/server.ts" })};\n`;
  writeFileSync(join(folder, "tsugi.config.mjs"), settings);
  const { status, stdout, output } = await runRelease(folder);
  if (status !== 0) throw new Error(output);
  return JSON.parse(stdout);
}

export const beamKind = async (): Promise<Kind> => {
  const builds = new BeamBuilds();
  return {
    name: "beam",
    skip: await elixirMissing(),
    one: () => builds.get("one", { fixture: "shop-0.0.1" }),
    two: () =>
      builds.get("two", {
        fixture: "shop-0.0.2",
        edit: {
          "lib/shop/cart.ex": (text) =>
            text.replace("when is_integer(count),", "when is_integer(count) and count != 13,"),
        },
      }),
    broken: () =>
      builds.get("broken", {
        fixture: "shop-0.0.1",
        edit: {
          "lib/shop/application.ex": (text) =>
            text.replace("_args) do\n", '_args) do\n    raise "no table called admirals"\n'),
        },
      }),
    dispose: () => builds.dispose(),
    strategy: "swap",
    state: "Elixir.Shop.Cart",
    expressions: {
      sum: "20 + 22",
      throws: 'raise "not today"',
      unreadable: "(",
      // What rpc prints goes to its caller, as a log line of it would.
      log: 'Process.group_leader(self(), Process.whereis(:init)); require Logger; Logger.error("said " <> "aloud")',
    },
    runsOn: /OTP \d+/,
  };
};
