/** A project of any shape: released as it is, put on a host without Node, changed, upgraded. */
import assert from "node:assert/strict";
import { mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { Host, makeHostPath } from "./host.ts";
import { freePort } from "./ports.ts";
import { mustTsugi, TEST_NODE, writeFiles } from "./projects.ts";

export interface Built {
  name: string;
  version: string;
  tarball: string;
  tree: string;
  bytes: number;
  /** What was printed meanwhile. */
  said: string;
}

/** With Node of its own, so that it runs. */
export async function release(folder: string, ...args: string[]): Promise<Built> {
  const node = ["--node", TEST_NODE];
  const { stdout, stderr } = await mustTsugi(["release", "--json", ...node, ...args], folder);
  return { ...JSON.parse(stdout), said: stderr };
}

/** A host with the first version extracted; `get` asks it over HTTP. */
export async function hostOf(built: Built, base: string, env: Record<string, string> = {}) {
  const root = join(base, `host-${built.name}`);
  const path = makeHostPath(join(base, `path-${built.name}`));
  const port = await freePort();
  mkdirSync(root, { recursive: true });
  const { name } = built;
  const host = new Host({
    root: realpathSync(root),
    name,
    path,
    env: { PORT: String(port), ...env },
  });
  await host.extract(built.tarball);
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: response.status, text: await response.text() };
  };
  const has = async (path: string, word: string | RegExp) => {
    const { status, text } = await get(path);
    assert.equal(status, 200, `${path}: ${text}`);
    assert.match(text, new RegExp(word), path);
  };
  return { host, port, get, has };
}

export const writeProject = (folder: string, files: Record<string, unknown>): string =>
  writeFiles(folder, files);
