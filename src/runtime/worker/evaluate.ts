/** `bin/<app> rpc <expr>`: evaluates an expression inside the running application. */
import { createRequire } from "node:module";
import { StringDecoder } from "node:string_decoder";
import { inspect } from "node:util";
import vm from "node:vm";
import type { Registrations } from "../../hot/registrations.ts";
import type { Hot } from "../../hot/types.ts";
import type { WorkerReplies } from "../../protocol/worker.ts";

export interface Scope {
  entry: string;
  hot: Hot;
  registrations: Registrations;
}

/** The names that an expression finds besides the globals. */
export function namesIn({ entry, hot, registrations }: Scope) {
  const state = (name: string) => {
    const cell = registrations.states.get(name);
    const known = [...registrations.states.keys()].join(", ") || "none";
    if (cell === undefined) throw new Error(`no hot.state "${name}" here; there is: ${known}`);
    return cell.settle();
  };
  return { hot, process, require: createRequire(entry), state };
}

const USUAL_BYTES = 1024 * 1024;
/** Every byte of it is held by three processes. */
const MOST_BYTES = 64 * 1024 * 1024;

export async function evaluate(
  expression: string,
  scope: Scope,
  maxBytes = USUAL_BYTES,
): Promise<WorkerReplies["evaluate"]> {
  try {
    const value = await run(expression, namesIn(scope));
    const text = typeof value === "string" ? value : inspect(value, { depth: 6 });
    return { ...cut(text, Math.min(maxBytes, MOST_BYTES)), threw: false };
  } catch (error) {
    const { text } = cut(withoutOurFrames(inspect(error)), USUAL_BYTES);
    return { text, threw: true };
  }
}

/** Here, where it is made: nobody else should have to hold it. */
function cut(text: string, maxBytes: number): { text: string; totalBytes?: number } {
  const totalBytes = Buffer.byteLength(text);
  if (totalBytes <= maxBytes) return { text };
  const bytes = Buffer.from(text.slice(0, maxBytes)).subarray(0, maxBytes);
  // Of a character that the cut goes through nothing is left.
  return { text: new StringDecoder("utf8").write(bytes), totalBytes };
}

/** Of a stack: what called the expression is tsugi, which nobody has asked about. */
function withoutOurFrames(text: string): string {
  const lines = text.split("\n");
  const own = lines.findLastIndex((line) => /^ +at .*\brpc:\d+:\d+\)?$/.test(line));
  if (own < 0) return text;
  const isOurs = (line: string, index: number) => index > own && /^ +at /.test(line);
  return lines.filter((line, index) => !isOurs(line, index)).join("\n");
}

/** An expression gives its value; statements give what they return. */
function run(text: string, names: Record<string, unknown>): Promise<unknown> {
  const keys = Object.keys(names).join(", ");
  const wrap = (body: string) => `(async ({ ${keys} }) => { ${body}\n })`;
  const options = {
    filename: "rpc",
    importModuleDynamically: vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  } as vm.RunningScriptOptions;
  let call: (names: Record<string, unknown>) => Promise<unknown>;
  try {
    call = vm.runInThisContext(wrap(`return (${text}\n)`), options);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    call = vm.runInThisContext(wrap(text), options);
  }
  return call(names);
}
