/** How a command of `bin/<app>` ended, in one line of a test. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { AppHost, type AppHostOptions, type BuiltApp } from "../../helpers/appHost.ts";
import type { CommandResult } from "../../helpers/commands.ts";
import { assertDocument } from "./documents.ts";

/** Removed after the test, whatever became of it. */
export async function installed(
  t: TestContext,
  release: BuiltApp,
  options?: AppHostOptions,
): Promise<AppHost> {
  const host = await AppHost.install(release, options);
  t.after(() => host.remove());
  return host;
}

export async function started(t: TestContext, release: BuiltApp, options?: AppHostOptions) {
  const host = await installed(t, release, options);
  await host.must("start");
  return host;
}

/** Ended with this code; with an error code, it stands on stderr. */
export function ended(result: CommandResult, status: number, pattern = /(?:)/): CommandResult {
  assert.equal(result.status, status, result.output);
  assert.match(result.output, pattern);
  return result;
}

/** `--json`: the exit code, and a document of that shape. */
export async function document(
  host: AppHost,
  shape: string,
  args: string[],
  status = 0,
  // biome-ignore lint/suspicious/noExplicitAny: its shape has just been checked
): Promise<any> {
  const { value, output, status: found } = await host.json(...args);
  assert.equal(found, status, `${args.join(" ")}\n${output}`);
  assertDocument(shape, value);
  return value;
}

/** `--json` of a failure: `{ error }`. */
export async function failure(host: AppHost, args: string[], status: number, code: string) {
  const { value, output, status: found } = await host.json(...args);
  assert.equal(found, status, `${args.join(" ")}\n${output}`);
  const error = value.error ?? value;
  assertDocument("error", error);
  assert.equal(error.code, code, output);
  return value;
}

export async function statuses(host: AppHost): Promise<Record<string, string>> {
  const { releases } = await document(host, "releases", ["releases"]);
  return Object.fromEntries(
    releases.map(({ version, status }: Record<string, string>) => [version, status]),
  );
}

export function fits80Columns(text: string): void {
  const tooLong = text.split("\n").filter((line) => line.length > 80);
  assert.deepEqual(tooLong, []);
}
