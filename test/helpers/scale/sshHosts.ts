/**
 * Hosts for `tsugi deploy` that are folders: `ssh` on PATH is a script which takes as long as a host's login and
 * runs what it is told there, by sh, as a host does; only its bin/<app> is played (app.sh).
 */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Random } from "../random.ts";
import { type Played, writeAnswers } from "./documents.ts";

/** Seconds; of those that are two numbers, something between them. */
export interface Delays {
  login: [number, number];
  slowLogin: number;
  session: number;
  unpack: [number, number];
  check: [number, number];
  upgrade: [number, number];
}

export interface PlayedHost {
  name: string;
  root: string;
  isSlow: boolean;
}

export const scriptAt = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export class SshHosts {
  readonly hosts: PlayedHost[];
  readonly folder: string;
  readonly path: string;
  readonly #says: string;
  readonly #delays: Delays;
  readonly #below: Random;
  readonly #profiles = new Map<string, Record<string, string>>();

  /** One in fifty is slow. All run `releases[0]`. */
  constructor(folder: string, count: number, releases: Played[], delays: Delays, below: Random) {
    this.folder = join(folder, "hosts");
    this.path = join(folder, "path");
    this.#says = join(folder, "says");
    this.#delays = delays;
    this.#below = below;
    for (const made of [this.folder, this.path, this.#says]) mkdirSync(made, { recursive: true });
    symlinkSync(scriptAt("ssh.sh"), join(this.path, "ssh"));
    writeAnswers(this.#says, releases);
    this.hosts = Array.from({ length: count }, (_, index) => this.#make(index, releases));
  }

  /** What is so on these hosts only: `DEAD`, `ILL` (versions that are unhealthy there). */
  set(names: Iterable<string>, change: Record<string, string>): void {
    for (const name of names) {
      const profile = { ...this.#profiles.get(name), ...change };
      this.#profiles.set(name, profile);
      const lines = Object.entries(profile).map(([key, value]) => `${key}='${value}'\n`);
      writeFileSync(join(this.folder, name, "profile"), lines.join(""));
    }
  }

  /** Which version it has tried, and gone back to, in their order. */
  triedBy({ root }: PlayedHost): string[] {
    const file = join(root, "tried");
    return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  }

  runs({ root }: PlayedHost): string {
    return readFileSync(join(root, "releases", "permanent"), "utf8").split(" ")[0]!;
  }

  get env(): NodeJS.ProcessEnv {
    const { path: PATH } = this;
    return { ...process.env, PATH: `${PATH}:${process.env.PATH}`, TSUGI_SCALE_HOSTS: this.folder };
  }

  #make(index: number, releases: Played[]): PlayedHost {
    const name = `host${String(index + 1).padStart(4, "0")}`;
    const root = join(this.folder, name, "srv");
    const isSlow = index % 50 === 24;
    for (const { version } of releases)
      mkdirSync(join(root, "releases", version), { recursive: true });
    for (const folder of ["bin", "run", "log"]) mkdirSync(join(root, folder));
    symlinkSync(scriptAt("app.sh"), join(root, "bin", "wall"));
    for (const { version } of releases) {
      const manifest = join(root, "releases", version, "release.json");
      symlinkSync(join(this.#says, `release.json.${version}`), manifest);
    }
    writeFileSync(
      join(root, "releases", "permanent"),
      readFileSync(join(this.#says, `permanent.${releases[0]!.version}`)),
    );
    const { login, slowLogin, session, unpack, check, upgrade } = this.#delays;
    this.set([name], {
      SAYS: this.#says,
      LOGIN: isSlow ? String(slowLogin) : this.#between(login),
      SESSION: String(session),
      UNPACK: this.#between(unpack),
      CHECK: this.#between(check),
      UPGRADE: this.#between(upgrade),
      DEAD: "",
      ILL: "",
    });
    return { name, root, isSlow };
  }

  #between([least, most]: [number, number]): string {
    return (least + ((most - least) * this.#below(1_000)) / 1_000).toFixed(3);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
