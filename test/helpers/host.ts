/** What a host is to tsugi: a folder, the standard tools of a Unix system, and no Node anywhere. */
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CommandOptions, mustRun, runCommand } from "./commands.ts";

const NOT_ON_A_HOST = /^(node|nodejs|npm|npx|corepack|pnpm|pnpx|yarn|yarnpkg|bun|bunx|deno|tsx)$/;

/** A folder for PATH that links to all of /usr/bin and /bin except Node and its package managers. */
export function makeHostPath(folder: string): string {
  mkdirSync(folder, { recursive: true });
  for (const from of ["/usr/bin", "/bin"]) {
    for (const name of readdirSync(from)) {
      if (NOT_ON_A_HOST.test(name)) continue;
      try {
        symlinkSync(join(from, name), join(folder, name));
      } catch {
        // The same name in both places: the first one wins, as in a PATH.
      }
    }
  }
  return folder;
}

export interface HostOptions {
  root: string;
  name: string;
  /** PATH of every command. */
  path: string;
  /** For `etc/env`. */
  env?: Record<string, string>;
  /** For `etc/config.json`. */
  config?: object;
}

/** An install root on a host, reached by its `bin/<app>` alone. */
export class Host {
  readonly root: string;
  readonly name: string;
  readonly bin: string;
  /** Of every command. */
  readonly env: NodeJS.ProcessEnv;

  constructor({ root, name, path, env = {}, config }: HostOptions) {
    this.root = root;
    this.name = name;
    this.bin = join(root, "bin", name);
    // The tests may run in a container, where an upgrade is refused unless one insists.
    this.env = { PATH: path, HOME: root, LANG: "C.UTF-8", TSUGI_EPHEMERAL: "1" };
    mkdirSync(join(root, "etc"), { recursive: true });
    const lines = Object.entries(env).map(([key, value]) => `${key}=${value}\n`);
    writeFileSync(join(root, "etc", "env"), lines.join(""), { mode: 0o600 });
    if (config) writeFileSync(join(root, "etc", "config.json"), `${JSON.stringify(config)}\n`);
  }

  /** The whole environment of every command. */
  get environment(): NodeJS.ProcessEnv {
    return { ...this.env };
  }

  /** Runs any command as this host would. */
  run(command: string, args: string[], options: CommandOptions = {}) {
    return runCommand(command, args, { cwd: this.root, env: this.env, ...options });
  }

  extract(tarball: string) {
    return mustRun("tar", ["xzf", tarball], { cwd: this.root, env: this.env });
  }

  /** Runs `bin/<app>`; resolves whatever its exit code is. */
  app(...args: string[]) {
    return this.run(this.bin, args);
  }

  /** Runs `bin/<app>`, which has to succeed. */
  must(...args: string[]) {
    return mustRun(this.bin, args, { cwd: this.root, env: this.env });
  }
}
