/**
 * nginx in front of two places for a process, one of which serves. A new version starts in the other
 * one, nginx is told by a reload, and the old process and nginx' old workers drain.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../../test/helpers/commands.ts";
import { findProgram, needPrograms } from "../../test/helpers/debian.ts";
import { until } from "../../test/helpers/installed.ts";
import { freePort } from "../../test/helpers/ports.ts";
import { type Bench, endChild, untilAnswers } from "../lib/bench.ts";
import { type Contestant, childrenOf } from "./contestant.ts";
import { NodeProcess } from "./nodeProcess.ts";
import { copySource, editSource } from "./source.ts";

const DRAIN_MS = 5_000;

interface Place {
  folder: string;
  port: number;
  process?: NodeProcess;
}

export class Nginx implements Contestant {
  readonly name = "nginx";
  readonly port: number;
  readonly #bench: Bench;
  readonly #node: string;
  readonly #prefix: string;
  #live: Place;
  #idle: Place;
  #nginx: ChildProcess | undefined;

  static async make(bench: Bench, project: string, node: string): Promise<Nginx> {
    await needPrograms("nginx");
    const place = async (colour: string): Promise<Place> => ({
      folder: copySource(project, join(bench.folder, "projects", `feed-${colour}`)),
      port: await freePort(),
    });
    const prefix = join(bench.folder, "nginx");
    mkdirSync(prefix);
    const places: [Place, Place] = [await place("blue"), await place("green")];
    return new Nginx(bench, node, prefix, places, await freePort());
  }

  private constructor(
    bench: Bench,
    node: string,
    prefix: string,
    [live, idle]: [Place, Place],
    port: number,
  ) {
    this.#bench = bench;
    this.#node = node;
    this.#prefix = prefix;
    this.#live = live;
    this.#idle = idle;
    this.port = port;
  }

  async start() {
    this.#startIn(this.#live);
    this.#writeUpstream();
    writeFileSync(join(this.#prefix, "nginx.conf"), configuration(this.#prefix, this.port));
    await mustRun(findProgram("nginx")!, [...this.#args, "-t"]);
    const nginx = spawn(findProgram("nginx")!, this.#args, { stdio: "ignore", detached: true });
    this.#bench.onEnd(() => endChild(nginx, "SIGTERM"));
    this.#nginx = nginx;
    // Until then it would answer with 502, and not ask again for ten seconds.
    await untilAnswers(this.#live.port);
  }

  async stop() {
    if (this.#nginx) await endChild(this.#nginx, "SIGTERM");
    await this.#live.process?.stop(DRAIN_MS);
  }

  async prepare(version: string) {
    editSource(this.#live.folder, version);
    editSource(this.#idle.folder, version);
    return () => this.#switch(version);
  }

  async pids() {
    const master = this.#nginx!.pid!;
    return {
      supervising: [master, ...childrenOf(master)],
      serving: [this.#live.process!.pid],
    };
  }

  async #switch(version: string): Promise<void> {
    const old = this.#live;
    this.#live = this.#idle;
    this.#idle = old;
    this.#startIn(this.#live);
    await untilAnswers(this.#live.port, version);
    const oldWorkers = childrenOf(this.#nginx!.pid!);
    this.#writeUpstream();
    await mustRun(findProgram("nginx")!, [...this.#args, "-s", "reload"]);
    await untilAnswers(this.port, version);
    await old.process!.stop(DRAIN_MS);
    const isGone = () => oldWorkers.every((pid) => !existsSync(`/proc/${pid}`));
    await until("nginx' old workers are gone", isGone, 2 * DRAIN_MS);
  }

  #startIn(place: Place): void {
    place.process = new NodeProcess(this.#bench, this.#node, place.folder, place.port);
  }

  #writeUpstream(): void {
    const line = `server 127.0.0.1:${this.#live.port} max_fails=0;\n`;
    writeFileSync(join(this.#prefix, "upstream.conf"), line);
  }

  get #args(): string[] {
    const log = join(this.#prefix, "error.log");
    return ["-p", this.#prefix, "-c", join(this.#prefix, "nginx.conf"), "-e", log];
  }
}

/** The one of docs/guides/nginx.md, on a port of its own. */
function configuration(prefix: string, port: number): string {
  const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const temporary = places.map((name) => `${name}_temp_path ${join(prefix, name)};`).join("\n");
  return `daemon off;
pid ${join(prefix, "pid")};
worker_processes auto;
worker_shutdown_timeout ${DRAIN_MS / 1000}s;
${process.getuid?.() === 0 ? "user root;" : ""}
events { worker_connections 2048; }
http {
access_log off;
keepalive_requests 1000000000;
${temporary}
upstream feed {
  include ${join(prefix, "upstream.conf")};
  keepalive 64;
  keepalive_requests 1000000000;
}
map $http_upgrade $connection_upgrade {
  default upgrade;
  "" "";
}
server {
  listen 127.0.0.1:${port} backlog=511;
  location / {
    proxy_pass http://feed;
    proxy_http_version 1.1;
    proxy_set_header Connection $connection_upgrade;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Host $host;
    proxy_next_upstream off;
  }
}
}
`;
}
