/** What `tsugi status|lock|unlock|rollback|logs|exec [environment]` begin with. */
import { resolve } from "node:path";
import { readProject } from "../build/project.ts";
import { releaseName } from "../build/release.ts";
import { silentReport } from "../build/report.ts";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { type Environment, type Host, resolveEnvironment, withHosts } from "../deploy/index.ts";
import { opener } from "./hosts.ts";

export interface FleetOptions {
  config?: string;
}

/** Opens every host, calls, and closes them. */
export async function withFleet<T>(
  name: string | undefined,
  options: FleetOptions,
  body: (hosts: Host[], environment: Environment) => Promise<T>,
): Promise<T> {
  const { environment, app, open } = await readEnvironment(name, options);
  return withHosts(environment, app, { open, report: () => {} }, (hosts) =>
    body(hosts, environment),
  );
}

export async function readEnvironment(name: string | undefined, options: FleetOptions) {
  const folder = resolve(".");
  const { config } = await loadConfig(folder, options.config);
  const app = appName(folder, config);
  const environment = resolveEnvironment(config, name, app);
  return { environment, app, config, open: opener(environment, folder, undefined) };
}

const appName = (folder: string, config: Config): string =>
  config.name ?? releaseName(readProject(folder), config, silentReport);
