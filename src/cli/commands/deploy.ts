import { resolve } from "node:path";
import { loadConfig } from "../../config/load.ts";
import {
  type DeployRequest,
  deploy,
  type Environment,
  readSecrets,
  resolveEnvironment,
} from "../../deploy/index.ts";
import { planUpgrade } from "../../relup/index.ts";
import { obtainArtefact } from "../artefact.ts";
import { createView, type DeployView } from "../deployView/view.ts";
import { opener } from "../hosts.ts";
import { onInterrupt } from "../interrupt.ts";

export interface DeployOptions {
  config?: string;
  dryRun?: boolean;
  yes?: boolean;
}

export async function deployCommand(
  name: string | undefined,
  release: string | undefined,
  options: DeployOptions,
): Promise<void> {
  const folder = resolve(".");
  const { config } = await loadConfig(folder, options.config);
  // What is wrong with the configuration is said before anything is built.
  resolveEnvironment(config, name, config.name ?? "app");
  const artefact = await obtainArtefact(folder, release, options);
  const environment = resolveEnvironment(config, name, artefact.manifest.name);
  const secrets = await readSecrets(environment.secrets, folder);
  const view = await createView(environment.hosts.map((host) => host.name));
  const { planBeam } = await import("../../beam/index.ts");
  const { version, kind } = artefact.manifest;
  await run(view, environment, {
    environment,
    artefact,
    secrets,
    folder,
    planUpgrade: kind === "beam" ? planBeam : planUpgrade,
    open: opener(environment, folder, options.dryRun ? view.report.bind(view) : undefined),
    confirm: async (plan) => options.yes || options.dryRun || view.confirm(plan, version),
    report: (event) => view.report(event),
  });
}

async function run(
  view: DeployView,
  environment: Environment,
  request: Omit<DeployRequest, "signal">,
): Promise<void> {
  const { signal, end } = onInterrupt((text) => view.report({ event: "note", text }));
  try {
    const result = await deploy({ ...request, signal });
    if (result !== undefined) view.end(result);
    else view.report({ event: "note", text: `Nothing was changed in ${environment.name}.` });
  } catch (error) {
    view.failed(error);
  } finally {
    end();
  }
}
