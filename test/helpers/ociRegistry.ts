/** A registry as people run it, Debian's docker-registry, and what may stand in front of it and fail. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { join } from "node:path";
import { findProgram, whyWithout } from "./debian.ts";
import { accepts, freePort } from "./ports.ts";

export const whyNoRegistry = () => whyWithout("docker-registry", "skopeo");

/** A line of htpasswd: alice, with the password "wonderland" (bcrypt). */
export const ALICE = "alice:$2y$05$3oFwnZ3IyXNnMldyv2GUvuHCqRsXpTdaTWEE/NO91LjZthgZxBL..\n";

export interface Registry {
  /** `localhost:5000` */
  host: string;
  port: number;
  pid(): number;
  /** Nobody answers there any more, until `start`. */
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/**
 * `htpasswd`: the lines of that file; without it, anybody may do anything. `accessLog`: the file in which each
 * request becomes a line.
 */
export async function startRegistry(
  folder: string,
  htpasswd?: string,
  accessLog?: string,
): Promise<Registry> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const passwords = join(folder, "htpasswd");
  if (htpasswd !== undefined) writeFileSync(passwords, htpasswd);
  const config = {
    version: 0.1,
    log: { level: "error", accesslog: { disabled: accessLog === undefined } },
    storage: { filesystem: { rootdirectory: join(folder, "data") }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}` },
    ...(htpasswd === undefined ? {} : { auth: { htpasswd: { realm: "test", path: passwords } } }),
  };
  // JSON is YAML.
  const file = join(folder, "registry.yml");
  writeFileSync(file, JSON.stringify(config));
  const output = accessLog === undefined ? "ignore" : openSync(accessLog, "a");
  let child: ChildProcess;
  const start = async () => {
    child = spawn(findProgram("docker-registry")!, ["serve", file], {
      stdio: ["ignore", output, "ignore"],
    });
    while (!(await accepts(port))) {
      if (child.exitCode !== null) throw new Error(`docker-registry ended with ${child.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const stop = async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  };
  await start();
  return {
    host: `localhost:${port}`,
    port,
    pid: () => child.pid!,
    ...{ start, stop },
    close: async () => {
      await stop();
      if (typeof output === "number") closeSync(output);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** @returns true where it has answered, or broken off, itself */
export type Fault = (
  asked: IncomingMessage,
  answer: ServerResponse,
  body: Buffer,
) => boolean | Promise<boolean>;

/** Passes everything on to `registry`; `fault` is asked first, `answered` sees each body on its way back. */
export async function startFaultyRegistry(
  registry: Registry,
  fault: { now?: Fault; bytes?: (body: Buffer) => Buffer },
) {
  const server = createServer(async (asked, answer) => {
    const parts: Buffer[] = [];
    for await (const part of asked) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    if (await fault.now?.(asked, answer, body)) return;
    const { method, url, headers } = asked;
    const passed = request({ port: registry.port, host: "127.0.0.1", method, path: url, headers });
    passed.end(body);
    const [from] = (await once(passed, "response")) as [IncomingMessage];
    const back: Buffer[] = [];
    for await (const part of from) back.push(part as Buffer);
    const whole = Buffer.concat(back);
    const isBlob = method === "GET" && url!.includes("/blobs/");
    answer.writeHead(from.statusCode!, from.headers);
    answer.end(isBlob ? (fault.bytes?.(whole) ?? whole) : whole);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    host: `127.0.0.1:${port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
