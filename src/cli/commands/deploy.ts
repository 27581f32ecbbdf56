import { resolve } from "node:path";
import { loadConfig } from "../../config/load.ts";
import type { ToolOptions } from "../../contract/commands/tool.ts";
import {
  chooseHosts,
  type DeployCall,
  deploy,
  type Environment,
  readSecrets,
  resolveEnvironment,
} from "../../deploy/index.ts";
import { planUpgrade } from "../../relup/index.ts";
import { type ArtefactSource, withArtefact } from "../artefact.ts";
import { createView } from "../deployView/create.ts";
import type { DeployView } from "../deployView/view.ts";
import { wouldDo } from "../deployView/words.ts";
import { opener } from "../hosts.ts";
import { type Interrupt, onInterrupt } from "../interrupt.ts";
import { traced } from "../traces/tracedView.ts";

export async function deployCommand(
  name: string | undefined,
  release: string | undefined,
  options: ToolOptions<"deploy">,
): Promise<void> {
  const folder = resolve(".");
  const { config } = await loadConfig(folder, options.config);
  const environmentOf = (app: string) =>
    chooseHosts(resolveEnvironment(config, name, app), options);
  // What is wrong with the configuration is said before anything is asked or built.
  const { secrets: sources } = environmentOf(config.name ?? "app");
  const secrets = await readSecrets(sources, folder);
  await withArtefact(folder, release, options, async (source) => {
    const environment = environmentOf(source.name);
    const view = traced(await createView(environment.hosts.map((host) => host.name)), "deploy");
    const interrupt = onInterrupt((text) => view.show({ event: "note", text }));
    try {
      const call = callOf(source, environment, view, interrupt, options);
      await run(view, { ...call, secrets, folder }, options);
    } finally {
      interrupt.end();
    }
  });
}

function callOf(
  source: ArtefactSource,
  environment: Environment,
  view: DeployView,
  interrupt: Interrupt,
  { dryRun = false, verbose, yes, allowRestart }: ToolOptions<"deploy">,
): Omit<DeployCall, "secrets" | "folder"> {
  let plan: DeployCall["planUpgrade"] = planUpgrade;
  const emit = view.show.bind(view);
  return {
    environment,
    app: source.name,
    obtain: async () => {
      view.rest();
      // A build is no host's business: Ctrl-C ends it as it ends any program.
      const artefact = await interrupt.without(source.obtain);
      if (artefact.manifest.kind === "beam") plan = (await import("../../beam/index.ts")).planBeam;
      return artefact;
    },
    allowRestart: allowRestart === true,
    dryRun,
    planUpgrade: (from, to) => plan(from, to),
    open: opener(environment, resolve("."), dryRun && verbose ? emit : undefined),
    confirm: async (plan, version) => {
      if (dryRun && verbose) return true;
      if (!dryRun) return yes === true || view.confirm(plan, version);
      for (const text of wouldDo(plan, environment)) emit({ event: "note", text });
      return false;
    },
    signal: interrupt.signal,
    emit,
  };
}

async function run(
  view: DeployView,
  call: DeployCall,
  { dryRun }: ToolOptions<"deploy">,
): Promise<void> {
  try {
    const result = await deploy(call);
    if (result !== undefined) return view.end(result);
    const said = dryRun ? "No host was changed. The commands: --verbose" : "No host was changed.";
    const { environment, app: name } = call;
    const nothing = { environment: environment.name, name, version: "", hosts: [], ms: 0 };
    view.end({ ...nothing, said, ...(dryRun ? { dryRun: true as const } : {}) });
  } catch (error) {
    view.failed(error);
  }
}
