/**
 * How a line stands in the log.
 *
 *   plain   2026-01-01T12:00:00.000Z 1.2.0 4711 what the application printed
 *   json    {"time":"2026-…","version":"1.2.0","pid":4711,"message":"what the application printed"}
 *           Where the application prints JSON objects, these fields are put into its own; a name that
 *           it uses itself stays its own.
 *   raw     what the application printed, and nothing else; tsugi's own lines are as in `plain`.
 */
import { jsonIn } from "../../../contract/checks.ts";
import type { LogFormat } from "../../../protocol/settings.ts";

export interface LogLine {
  version: string;
  pid: number;
  text: string;
  /** Of tsugi itself. */
  own?: boolean;
  stream?: "stdout" | "stderr";
}

export function formatLine(format: LogFormat, line: LogLine, now = new Date()): string {
  if (format === "json") return `${asJson(line, now)}\n`;
  if (format === "raw" && !line.own) return `${line.text}\n`;
  return `${now.toISOString()} ${line.version} ${line.pid} ${line.text}\n`;
}

function asJson({ version, pid, text, stream }: LogLine, now: Date): string {
  const fields: Record<string, unknown> = { time: now.toISOString(), version, pid };
  if (stream === "stderr") fields.stream = stream;
  const found = /^\s*\{/.test(text) ? jsonIn<object>(text) : undefined;
  if (found === undefined) return JSON.stringify({ ...fields, message: text });
  for (const name of Object.keys(fields)) if (Object.hasOwn(found, name)) delete fields[name];
  // Its own text stays as it is, to the last digit of its numbers.
  const own = text.trim().slice(1).trimStart();
  const ours = JSON.stringify(fields).slice(0, -1);
  return ours === "{" ? `{${own}` : `${ours}${own === "}" ? "" : ","}${own}`;
}
