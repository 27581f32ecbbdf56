/** From `environments.<name>` of tsugi.config.* to hosts with all they need. Pure. */
import type { DeployHooks, SecretSource } from "../config/environmentSchema.ts";
import type { Config } from "../config/schema.ts";
import { defined } from "../contract/checks.ts";
import { TsugiError } from "../contract/errors.ts";

export interface HostSpec {
  /** As ssh takes it; also what everything is reported under. */
  name: string;
  root: string;
  user?: string;
  port?: number;
  /** This machine, without ssh. */
  local: boolean;
  env: Record<string, string>;
}

export interface Rollout {
  canary: number;
  /** Hosts at a time, or so many per cent of them. */
  batch: number | string;
  onFailure: "stop" | "rollback";
}

export interface Environment {
  name: string;
  hosts: HostSpec[];
  sshConfig: string | undefined;
  secrets: Record<string, SecretSource>;
  /** Without `env` and `secrets` the hosts' etc/env is nobody's business here. */
  writesEnv: boolean;
  rollout: Rollout;
  systemd: boolean;
  hooks: DeployHooks;
}

/**
 * @param name may be left out where there is one environment only
 * @throws TSUGI_ENVIRONMENT_UNKNOWN, TSUGI_CONFIG_INVALID
 */
export function resolveEnvironment(
  config: Config,
  name: string | undefined,
  app: string,
): Environment {
  const known = Object.keys(config.environments ?? {});
  const chosen = name ?? (known.length === 1 ? known[0]! : undefined);
  const found = chosen === undefined ? undefined : config.environments?.[chosen];
  if (chosen === undefined || found === undefined) {
    const there = known.length > 0 ? known.join(", ") : "none";
    throw new TsugiError("TSUGI_ENVIRONMENT_UNKNOWN", {
      name: name ?? "(not named)",
      known: there,
    });
  }
  const common = { root: found.root ?? `/srv/${app}`, env: found.env ?? {} };
  const hosts = found.hosts.map((host) => resolveHost(host, common));
  refuseInvalid(chosen, hosts);
  return {
    name: chosen,
    hosts,
    sshConfig: found.ssh?.config,
    secrets: found.secrets ?? {},
    writesEnv:
      found.env !== undefined ||
      found.secrets !== undefined ||
      hosts.some(({ env }) => Object.keys(env).length > 0),
    rollout: {
      canary: found.rollout?.canary ?? 1,
      batch: found.rollout?.batch ?? "100%",
      onFailure: found.rollout?.onFailure ?? "stop",
    },
    systemd: found.systemd ?? false,
    hooks: found.hooks ?? {},
  };
}

type ConfiguredHost = NonNullable<Config["environments"]>[string]["hosts"][number];

function resolveHost(
  configured: ConfiguredHost,
  common: { root: string; env: Record<string, string> },
): HostSpec {
  const host = typeof configured === "string" ? { host: configured } : configured;
  return {
    name: host.host,
    root: (host.root ?? common.root).replace(/(.)\/+$/, "$1"),
    ...defined({ user: host.user, port: host.port }),
    local: host.local === true,
    env: { ...common.env, ...host.env },
  };
}

function refuseInvalid(environment: string, hosts: HostSpec[]): void {
  const where = `environments.${environment}.hosts`;
  const seen = new Set<string>();
  for (const { name, root, env } of hosts) {
    const invalid = (problem: string) => new TsugiError("TSUGI_CONFIG_INVALID", { where, problem });
    if (!/^\/[^\n\0]+$/.test(root) || root.split("/").includes("..")) {
      throw invalid(`the root of ${name} is ${root}, expected an absolute path such as /srv/wall`);
    }
    if (seen.has(name)) throw invalid(`${name} is there twice`);
    seen.add(name);
    for (const key of Object.keys(env)) {
      if (!isVariable(key)) throw invalid(`${key} is no name of a variable`);
    }
  }
}

export interface HostChoice {
  /** Only these. */
  host?: string[];
  /** All but these. */
  skip?: string[];
}

/** @throws TSUGI_HOST_UNKNOWN, TSUGI_USAGE where none is left */
export function chooseHosts(
  environment: Environment,
  { host, skip = [] }: HostChoice,
): Environment {
  const known = environment.hosts.map(({ name }) => name);
  for (const name of [...(host ?? []), ...skip]) {
    if (known.includes(name)) continue;
    const details = { environment: environment.name, name, known: known.join(", ") };
    throw new TsugiError("TSUGI_HOST_UNKNOWN", details);
  }
  const isChosen = (name: string) => (host ?? known).includes(name) && !skip.includes(name);
  const hosts = environment.hosts.filter(({ name }) => isChosen(name));
  if (hosts.length > 0) return { ...environment, hosts };
  const problem = `no host of ${environment.name} is left by --host and --skip`;
  throw new TsugiError("TSUGI_USAGE", { problem, help: `It has: ${known.join(", ")}` });
}

const isVariable = (key: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(key);
