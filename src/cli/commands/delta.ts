import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { deltaFor } from "../../assemble/delta.ts";
import type { ToolOptions } from "../../contract/commands/tool.ts";
import { messageOf, TsugiError } from "../../contract/errors.ts";
import type { Inventory } from "../../release/delta.ts";
import type { DeltaMade } from "../documents.ts";
import { formatBytes, printResult } from "../output.ts";

export async function deltaCommand(place: string, options: ToolOptions<"delta">): Promise<void> {
  const inventory = await readInventory(options.inventory);
  const delta = await deltaFor(inventory, place, options.base ?? []);
  const { header, bytes, chunks } = delta;
  const toStdout = options.out === "-";
  await pipeline(Readable.from(chunks), toStdout ? process.stdout : createWriteStream(options.out));
  if (toStdout) return;
  const { name, version, bases } = header;
  const from = bases.map((base) => base.version).join(", ") || "nothing that is known here";
  printResult<DeltaMade>({ file: options.out, name, version, bytes, bases }, [
    `${name} ${version} for a host that has ${from}: ${formatBytes(bytes)}`,
    `  ${options.out}`,
    `There: bin/${name} unpack --delta <file>`,
  ]);
}

async function readInventory(file: string): Promise<Inventory> {
  try {
    const json = JSON.parse(await readFile(file === "-" ? "/dev/stdin" : file, "utf8"));
    if (json?.format === 1 && Array.isArray(json.releases) && Array.isArray(json.folders)) {
      return json as Inventory;
    }
    throw new Error("that is no inventory");
  } catch (cause) {
    const problem = `--inventory ${file}: ${messageOf(cause)}`;
    const help = "Ask the host for it: bin/<app> inventory --json";
    throw new TsugiError("TSUGI_USAGE", { problem, help }, { cause });
  }
}
