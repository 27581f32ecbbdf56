/** PM2's `env`, `env_<name>` and `deploy` → `environments`, or words about `etc/env`. Pure. */
import type { Config } from "../../config/schema.ts";
import type { Ecosystem, Pm2App, Pm2Target } from "./ecosystem.ts";
import type { Note } from "./uncarried.ts";

type Environments = NonNullable<Config["environments"]>;
type Environment = Environments[string];
type Variables = Record<string, string>;

export function environmentsOf(apps: Pm2App[], deploy: Ecosystem["deploy"]): Environments {
  return Object.fromEntries(
    Object.entries(deploy).map(([name, target]) => [name, environmentOf(name, apps, target)]),
  );
}

function environmentOf(name: string, apps: Pm2App[], target: Pm2Target): Environment {
  const variables = { ...variablesOf(apps, name), ...texts(target.env) };
  const entries = Object.entries(variables);
  const env = Object.fromEntries(entries.filter(([key, value]) => !isSecret(key, value)));
  const secrets = Object.fromEntries(
    entries.filter(([key, value]) => isSecret(key, value)).map(([key]) => [key, { env: key }]),
  );
  return {
    hosts: hostsOf(target),
    ...(target.path === undefined ? {} : { root: target.path }),
    ...(Object.keys(env).length === 0 ? {} : { env }),
    ...(Object.keys(secrets).length === 0 ? {} : { secrets }),
  };
}

function hostsOf({ host, user }: Pm2Target): Environment["hosts"] {
  const hosts = [host ?? []].flat().map(String);
  return hosts.map((one) => {
    const [, login = user, name = one] = /^(.+)@(.+)$/.exec(one) ?? [];
    return login === undefined ? name : { host: name, user: login };
  });
}

/**
 * `env`, and over it what `--env <name>` would add; where apps differ, the first one's
 * (conflictNotes). NODE_ENV=production is what a release has.
 */
function variablesOf(apps: Pm2App[], name: string): Variables {
  const all = Object.assign(
    {},
    ...[...apps].reverse().map((app) => ({ ...texts(app.env), ...texts(app[`env_${name}`]) })),
  ) as Variables;
  if (all.NODE_ENV === "production") delete all.NODE_ENV;
  return all;
}

const texts = (env: unknown): Variables =>
  Object.fromEntries(
    Object.entries((env ?? {}) as object).map(([key, value]) => [
      key,
      typeof value === "object" && value !== null ? JSON.stringify(value) : String(value),
    ]),
  );

/** By its name, or a password in an address. It stands in the ecosystem file, and shall go from there. */
const isSecret = (key: string, value: string) =>
  /(PASS(WORD|WD)?|SECRET|TOKEN|KEY|CREDENTIALS?)(_|$)/i.test(key) ||
  /:\/\/[^/@\s]*:[^/@\s]+@/.test(value);

export function environmentNotes(
  apps: Pm2App[],
  deploy: Ecosystem["deploy"],
  nameOf: (app: Pm2App) => string,
): Note[] {
  return [
    ...variableNotes(apps, deploy),
    ...conflictNotes(apps, nameOf),
    ...Object.entries(deploy).flatMap(([name, target]) => deployNotes(name, target)),
  ];
}

function variableNotes(apps: Pm2App[], deploy: Ecosystem["deploy"]): Note[] {
  const blocks = new Set(
    apps.flatMap((app) => Object.keys(app).filter((key) => /^env_/.test(key))),
  );
  const names = [...blocks].map((block) => block.slice("env_".length));
  const homeless = names.filter((name) => !(name in deploy) && name !== "production");
  const notes: Note[] = [];
  const secrets = Object.keys(deploy).flatMap((name) =>
    Object.entries(variablesOf(apps, name)).filter(([key, value]) => isSecret(key, value)),
  );
  if (secrets.length > 0) {
    notes.push({
      what: [...new Set(secrets.map(([key]) => key))].join(", "),
      why: "looks like a secret, and those stand in no file of the project",
      todo: "tsugi deploy takes it from the environment of whoever deploys (secrets: { … { env } }); a file or a command can be its source too",
    });
  }
  const variables = Object.keys(variablesOf(apps, "production"));
  if (Object.keys(deploy).length === 0 && variables.length > 0) {
    notes.push({
      what: `env: ${variables.join(", ")}`,
      why: "a release holds no settings of a host",
      todo: "write them into <root>/etc/env there, mode 0600, KEY=value a line",
    });
  }
  if (homeless.length > 0) {
    notes.push({
      what: homeless.map((name) => `env_${name}`).join(", "),
      why: "there is no environment of that name in the deploy section",
      todo: "environments in tsugi.config.ts, or etc/env of those hosts",
    });
  }
  return notes;
}

/** One etc/env serves all processes of a release. */
function conflictNotes(apps: Pm2App[], nameOf: (app: Pm2App) => string): Note[] {
  const values = new Map<string, Map<string, string[]>>();
  for (const app of apps) {
    const variables = { ...texts(app.env), ...texts(app.env_production) };
    for (const [key, value] of Object.entries(variables)) {
      const byValue = values.get(key) ?? new Map<string, string[]>();
      values.set(key, byValue.set(value, [...(byValue.get(value) ?? []), nameOf(app)]));
    }
  }
  return [...values]
    .filter(([, byValue]) => byValue.size > 1)
    .map(([key, byValue]) => ({
      what: `${key} of ${[...byValue.values()].flat().join(", ")}`,
      why: "they differ, and all processes of a release have one environment",
      todo: `a name for each (${[...byValue.values()].map(([first]) => `${first!.toUpperCase().replaceAll("-", "_")}_${key}`).join(", ")}), or two releases`,
    }));
}

function deployNotes(name: string, target: Pm2Target): Note[] {
  const at = (keys: string[]) => `deploy.${name}: ${keys.filter((key) => target[key]).join(", ")}`;
  const has = (...keys: string[]) => keys.some((key) => target[key] !== undefined);
  const notes: Note[] = [];
  if (has("path")) {
    notes.push({
      what: at(["path"]),
      why: "PM2 keeps source/, current/ and shared/ there, and an install root wants a folder of its own",
      todo: `another root, such as ${target.path}-tsugi, as long as PM2's is there`,
    });
  }
  if (has("repo", "ref")) {
    const repo = String(target.repo ?? "<repository>");
    notes.push({
      what: at(["repo", "ref"]),
      why: "nothing is cloned on a host",
      todo: `npx tsugi release --git ${repo}${target.ref ? ` --ref ${String(target.ref).replace(/^origin\//, "")}` : ""}, then npx tsugi deploy ${name} rel/<app>`,
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
