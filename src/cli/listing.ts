/** `tsugi release --list`, for a person and as a document. */

import { resolve } from "node:path";
import { type ListedFile, type Listing, listRelease } from "../assemble/listing.ts";
import { defined } from "../contract/checks.ts";
import type { ToolOptions } from "../contract/commands/tool.ts";
import { TsugiError } from "../contract/errors.ts";
import { createBuildLog } from "./buildLog.ts";
import { formatBytes, printResult } from "./output.ts";

/** Of packages; the rest is counted. */
const SHOWN = 20;

export async function printListing(
  folder: string,
  { config, git, ref }: ToolOptions<"release">,
): Promise<void> {
  const { isBeamProject } = await import("../beam/index.ts");
  if (git !== undefined || ref !== undefined) {
    throw usage(
      "--list says what would be packed of a folder, and a clone is one only for a build",
    );
  }
  if (isBeamProject(resolve(folder))) {
    throw usage("--list is for Node: of Elixir and Erlang, their own tools say what is packed");
  }
  const request = { folder: resolve(folder), ...defined({ configFile: config }) };
  const listing = await listRelease(request, await createBuildLog());
  printResult<Listing>(listing, linesOf(listing));
}

const usage = (problem: string) =>
  new TsugiError("TSUGI_USAGE", { problem, help: "tsugi release --list" });

function linesOf({ name, build, compiled, files, packages }: Listing): string[] {
  const odd = [...compiled, ...files].filter((file) => file.odd !== undefined);
  const bytes = packages.reduce((sum, one) => sum + one.bytes, 0);
  const rest = packages.slice(SHOWN);
  return [
    `${name}, as a build (${build}) would pack it:`,
    ...(compiled.length === 0 ? [] : ["", "Compiled", ...compiled.map(lineOf)]),
    "",
    "Files",
    ...files.map(lineOf),
    "",
    `Packages: ${packages.length}, ${formatBytes(bytes)}${build === "own" ? "" : " at most"}`,
    ...packages.slice(0, SHOWN).map((one) => row(one.bytes, " ", `${one.name} ${one.version}`)),
    ...(rest.length === 0 ? [] : [`${" ".repeat(14)}and ${rest.length} smaller ones`]),
    "",
    `${odd.length} of the files ${odd.length === 1 ? "looks" : "look"} odd${odd.length > 0 ? " (!)" : ""}. Node and tsugi itself come on top.`,
  ];
}

const lineOf = ({ path, bytes, odd }: ListedFile): string =>
  row(bytes, odd === undefined ? " " : "!", odd === undefined ? path : `${path}  ${odd}`);

const row = (bytes: number, mark: string, text: string): string =>
  `${formatBytes(bytes).padStart(10)} ${mark} ${text}`;
