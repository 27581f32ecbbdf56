import { resolve } from "node:path";
import { loadConfig } from "../../config/load.ts";
import {
  type Artefact,
  chooseHosts,
  type DeployRequest,
  deploy,
  type Environment,
  readSecrets,
  resolveEnvironment,
} from "../../deploy/index.ts";
import { planUpgrade } from "../../relup/index.ts";
import { type ArtefactOptions, withArtefact } from "../artefact.ts";
import { createView } from "../deployView/create.ts";
import type { DeployView } from "../deployView/view.ts";
import { opener } from "../hosts.ts";
import { onInterrupt } from "../interrupt.ts";

export interface DeployOptions extends ArtefactOptions {
  dryRun?: boolean;
  allowRestart?: boolean;
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
  const resolved = resolveEnvironment(config, name, config.name ?? "app");
  const { secrets: sources } = chooseHosts(resolved, options);
  const secrets = await readSecrets(sources, folder);
  await withArtefact(folder, release, options, async (artefact) => {
    const environment = chooseHosts(
      resolveEnvironment(config, name, artefact.manifest.name),
      options,
    );
    const view = await createView(environment.hosts.map((host) => host.name));
    const allowRestart = options.allowRestart === true;
    const request = { environment, artefact, secrets, folder, allowRestart };
    await run(view, { ...request, ...(await waysOf(artefact, environment, view, options)) });
  });
}

/** How hosts are reached and upgrades are planned. */
async function waysOf(
  { manifest }: Artefact,
  environment: Environment,
  view: DeployView,
  { dryRun, yes }: DeployOptions,
) {
  const { planBeam } = await import("../../beam/index.ts");
  const report = view.report.bind(view);
  return {
    planUpgrade: manifest.kind === "beam" ? planBeam : planUpgrade,
    open: opener(environment, resolve("."), dryRun ? report : undefined),
    confirm: async (plan: Parameters<DeployRequest["confirm"]>[0]) =>
      yes === true || dryRun === true || view.confirm(plan, manifest.version),
    report,
  };
}

async function run(view: DeployView, request: Omit<DeployRequest, "signal">): Promise<void> {
  const { signal, end } = onInterrupt((text) => request.report({ event: "note", text }));
  try {
    const result = await deploy({ ...request, signal });
    if (result !== undefined) view.end(result);
    else request.report({ event: "note", text: "Nothing was changed." });
  } catch (error) {
    view.failed(error);
  } finally {
    end();
  }
}
