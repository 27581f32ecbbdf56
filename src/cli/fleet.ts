/** What `tsugi status|lock|unlock|rollback|logs|exec [environment]` begin with. */
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { TsugiError } from "../contract/errors.ts";
import {
  chooseHosts,
  type Environment,
  type Host,
  type HostChoice,
  resolveEnvironment,
  withHosts,
} from "../deploy/index.ts";
import { silentLog } from "../pack/log.ts";
import { readProject, releaseName } from "../pack/project.ts";
import { opener } from "./hosts.ts";

export interface FleetOptions extends HostChoice {
  config?: string;
}

/** Opens every host, calls, and closes them. */
export async function withFleet<T>(
  name: string | undefined,
  options: FleetOptions,
  body: (hosts: Host[], environment: Environment) => Promise<T>,
): Promise<T> {
  const { environment, app, open } = await readEnvironment(name, options);
  return withHosts(environment, app, { open, emit: () => {} }, (hosts) => body(hosts, environment));
}

export async function readEnvironment(name: string | undefined, options: FleetOptions) {
  const folder = resolve(".");
  const { config, file } = await loadConfig(folder, options.config);
  const app = await appName(folder, config, file);
  const environment = chooseHosts(resolveEnvironment(config, name, app), options);
  return { environment, app, config, open: opener(environment, folder, undefined) };
}

/** As the build would name it, without one. */
export async function appName(
  folder: string,
  config: Config,
  file: string | undefined,
): Promise<string> {
  if (config.name !== undefined) return config.name;
  const { beamName } = await import("../beam/index.ts");
  const name = await beamName(folder);
  if (name !== undefined) return name;
  if (file !== undefined && !existsSync(join(folder, "package.json"))) {
    const problem = 'no project is here to name the release, so it has to: name: "…"';
    throw new TsugiError("TSUGI_CONFIG_INVALID", { where: basename(file), problem });
  }
  return releaseName(readProject(folder), config, silentLog);
}
