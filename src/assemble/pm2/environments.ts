/**
 * PM2's `env`, `env_<name>` and `deploy`: what stands in `processes.<name>.env`, what in
 * `environments`, and what is only to be said, as it belongs into `etc/env` of a host.
 */
import type { Config } from "../../config/schema.ts";
import { filled, isRecord } from "../../contract/checks.ts";
import type { Ecosystem, Pm2App, Pm2Target } from "./ecosystem.ts";
import type { Note } from "./uncarried.ts";

type Environments = NonNullable<Config["environments"]>;
type Environment = Environments[string];
type Variables = Record<string, string>;

/** `below`: of several releases each has its own root on a host. */
export function environmentsOf(
  apps: Pm2App[],
  deploy: Ecosystem["deploy"],
  below?: string,
): Environments {
  return Object.fromEntries(
    targetsOf(deploy).map(([name, target]) => [name, environmentOf(name, apps, target, below)]),
  );
}

/** Those that name a host. */
const targetsOf = (deploy: Ecosystem["deploy"]) =>
  Object.entries(deploy).filter(([, target]) => hostsOf(target).length > 0);

function environmentOf(
  name: string,
  apps: Pm2App[],
  target: Pm2Target,
  below: string | undefined,
): Environment {
  const differing = differingKeys(apps);
  const common = Object.entries(variablesOf(apps, name)).filter(([key]) => !differing.has(key));
  const entries = [...common, ...Object.entries(texts(target.env))];
  const env = Object.fromEntries(entries.filter(([key, value]) => !isSecret(key, value)));
  const secrets = Object.fromEntries(
    entries.filter(([key, value]) => isSecret(key, value)).map(([key]) => [key, { env: key }]),
  );
  const path = target.path === undefined ? undefined : besidePm2(target.path);
  const root = path === undefined || below === undefined ? path : `${path}/${below}`;
  return { hosts: hostsOf(target), ...filled({ root, env, secrets }) };
}

/** PM2 keeps source/, current/ and shared/ in its own, as long as that is there. */
const besidePm2 = (path: string): string => `${path.replace(/\/+$/, "")}-tsugi`;

/**
 * What the app finds where its host does not set it: all that is no secret, where no `deploy` section
 * has environments for it; with one, what the apps of a release have each for itself.
 */
export function ownVariables(app: Pm2App, apps: Pm2App[], deploy: Ecosystem["deploy"]): Variables {
  const differing = differingKeys(apps);
  const isOwn = (key: string) => targetsOf(deploy).length === 0 || differing.has(key);
  return Object.fromEntries(
    Object.entries(variablesOf([app], "production")).filter(
      ([key, value]) => isOwn(key) && !isSecret(key, value),
    ),
  );
}

function differingKeys(apps: Pm2App[]): Set<string> {
  const all = apps.map((app) => variablesOf([app], "production"));
  const keys = new Set(all.flatMap((variables) => Object.keys(variables)));
  return new Set(
    [...keys].filter((key) => new Set(all.map((variables) => variables[key])).size > 1),
  );
}

function hostsOf({ host, user }: Pm2Target): Environment["hosts"] {
  const hosts = [host ?? []].flat().map(String);
  return hosts.map((one) => {
    const [, login = user, name = one] = /^(.+)@(.+)$/.exec(one) ?? [];
    return login === undefined ? name : { host: name, user: login };
  });
}

/**
 * `env`, and over it what `--env <name>` would add. NODE_ENV=production is what a release has, and
 * what comes from the shell that ran pm2 is no setting of the file's.
 */
function variablesOf(apps: Pm2App[], name: string): Variables {
  const all = Object.assign(
    {},
    ...[...apps].reverse().map((app) => ({
      ...texts(app.port === undefined ? {} : { PORT: app.port }),
      ...texts(app.env),
      ...texts(app[`env_${name}`]),
    })),
  ) as Variables;
  if (all.NODE_ENV === "production") delete all.NODE_ENV;
  return all;
}

const entriesOf = (env: unknown) => Object.entries(isRecord(env) ? env : {});

/** `X: process.env.X`: the value is of this shell, or there is none. */
const isOfShell = (key: string, value: unknown): boolean =>
  value === undefined || value === null || (key !== "NODE_ENV" && value === process.env[key]);

const isWholeShell = ({ env }: Pm2App): boolean =>
  entriesOf(env).filter(([key, value]) => value !== undefined && isOfShell(key, value)).length > 8;

const texts = (env: unknown): Variables =>
  Object.fromEntries(
    entriesOf(env)
      .filter(([key, value]) => !isOfShell(key, value))
      .map(([key, value]) => [
        key,
        typeof value === "object" ? JSON.stringify(value) : String(value),
      ]),
  );

/** By its name, or a password in an address. It stands in the ecosystem file, and shall go from there. */
const isSecret = (key: string, value: string) =>
  /(PASS(WORD|WD)?|SECRET|TOKEN|KEY|CREDENTIALS?)(_|$)/i.test(key) ||
  /:\/\/[^/@\s]*:[^/@\s]+@/.test(value);

export function environmentNotes(apps: Pm2App[], deploy: Ecosystem["deploy"]): Note[] {
  return [
    ...secretNotes(apps, deploy),
    ...shellNotes(apps),
    ...homelessNotes(apps, deploy),
    ...Object.entries(deploy).flatMap(([name, target]) => deployNotes(name, target)),
  ];
}

const ETC_ENV = "write them into <root>/etc/env there, mode 0600, KEY=value a line";

function secretNotes(apps: Pm2App[], deploy: Ecosystem["deploy"]): Note[] {
  const targets = targetsOf(deploy).map(([name]) => name);
  const names = targets.length === 0 ? ["production"] : targets;
  const secrets = names.flatMap((name) =>
    apps.flatMap((app) =>
      Object.entries(variablesOf([app], name))
        .filter(([key, value]) => isSecret(key, value))
        .map(([key]) => key),
    ),
  );
  if (secrets.length === 0) return [];
  return [
    {
      what: [...new Set(secrets)].join(", "),
      why: "looks like a secret, and those stand in no file of the project",
      todo:
        targets.length === 0
          ? ETC_ENV
          : "tsugi deploy takes it from the environment of whoever deploys (secrets: { … { env } }); a file or a command can be its source too",
    },
  ];
}

/** `{ ...process.env }` is one line, whatever stands in it. */
function shellNotes(apps: Pm2App[]): Note[] {
  const whole = apps.filter(isWholeShell);
  const notes: Note[] = [];
  if (whole.length > 0) {
    notes.push({
      what: "env: ...process.env",
      why: "is the shell that ran pm2, and a host has its own",
      todo: "what the app needs of it: into <root>/etc/env there, mode 0600, KEY=value a line",
    });
  }
  const keys = apps
    .filter((app) => !isWholeShell(app))
    .flatMap((app) => [...entriesOf(app.env), ...entriesOf(app.env_production)])
    .filter(([key, value]) => isOfShell(key, value))
    .map(([key]) => key);
  if (keys.length > 0) {
    notes.push({
      what: `env: ${[...new Set(keys)].join(", ")}`,
      why: "come from the shell that ran pm2, and a release holds no settings of a host",
      todo: ETC_ENV,
    });
  }
  return notes;
}

function homelessNotes(apps: Pm2App[], deploy: Ecosystem["deploy"]): Note[] {
  const blocks = apps.flatMap((app) =>
    Object.keys(app).filter((key) => /^env_(?!file$)/.test(key)),
  );
  const names = [...new Set(blocks)].map((block) => block.slice("env_".length));
  const homeless = names.filter((name) => !(name in deploy) && name !== "production");
  if (homeless.length === 0) return [];
  return [
    {
      what: homeless.map((name) => `env_${name}`).join(", "),
      why: "there is no environment of that name in the deploy section",
      todo: "environments in tsugi.config.ts, or etc/env of those hosts",
    },
  ];
}

function deployNotes(name: string, target: Pm2Target): Note[] {
  const at = (keys: string[]) => `deploy.${name}: ${keys.filter((key) => target[key]).join(", ")}`;
  const has = (...keys: string[]) => keys.some((key) => target[key] !== undefined);
  const notes: Note[] = [];
  if (hostsOf(target).length === 0) {
    notes.push({
      what: `deploy.${name}`,
      why: "it names no host",
      todo: `environments.${name} in tsugi.config.ts: hosts, root`,
    });
  }
  if (has("path")) {
    notes.push({
      what: at(["path"]),
      why: "PM2 keeps source/, current/ and shared/ there, and an install root wants a folder of its own",
      todo: `root is ${besidePm2(String(target.path))}; another one, where that does not suit`,
    });
  }
  if (has("repo", "ref")) {
    const repo = String(target.repo ?? "<repository>");
    notes.push({
      what: at(["repo", "ref"]),
      why: "nothing is cloned on a host",
      todo: `npx tsugi deploy ${name} --git ${repo}${target.ref ? ` --ref ${String(target.ref).replace(/^origin\//, "")}` : ""}`,
    });
  }
  if (has("key", "ssh_options", "forward-agent")) {
    notes.push({
      what: at(["key", "ssh_options", "forward-agent"]),
      why: "hosts are reached by ssh as you have configured it",
      todo: `~/.ssh/config: Host ${[target.host ?? "…"].flat().join(" ")}, IdentityFile and the like`,
    });
  }
  const hooks = ["pre-setup", "post-setup", "pre-deploy-local", "pre-deploy", "post-deploy"];
  if (has(...hooks)) {
    notes.push({
      what: at(hooks),
      why: "a release comes built, and pm2 reload is what deploy does",
      todo: "the rest of it: build script, or hooks of the environment",
    });
  }
  return notes;
}
