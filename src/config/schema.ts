/**
 * The one description of `tsugi.config.*`. Validation, the types of `defineConfig`, `tsugi help config`
 * and docs/reference/configuration.md all come from here; what runs with a release is in contract/settings.ts.
 */
import semver from "semver";
import { z } from "zod";
import { APPUP_TIMEOUT_MS } from "../release/appup.ts";
import { settingsSchema } from "./settingsSchema.ts";

const processSchema = z.strictObject({
  entry: z
    .string()
    .min(1)
    .describe("Its entry, relative to the project. Default: what the project starts.")
    .optional(),
  workers: z
    .union([z.int().min(1), z.literal("max")])
    .describe('How many workers run it; "max" is one a CPU. Default 1.')
    .optional(),
  overlap: z
    .boolean()
    .describe("false: never two generations at once (schedulers, single consumers). Default true.")
    .optional(),
  args: z
    .array(z.string())
    .describe("Arguments of the entry; $NAME is filled in from its environment, as a shell does.")
    .optional(),
  env: z
    .record(z.string(), z.string())
    .describe("Variables that it finds where the host does not set them. No secrets.")
    .optional(),
});

const APPUP_STEP_EXPECTED =
  'expected a command as a list of arguments (["node", "./migrate.ts"]), a function, or { run, on, timeoutMs }';

const secretSource = z.union([
  z.strictObject({ env: z.string().describe("Name of a variable of the deploying machine.") }),
  z.strictObject({ file: z.string().describe("Path of a file that holds the value.") }),
  z.strictObject({ command: z.array(z.string()).min(1).describe("Prints the value.") }),
]);

export type SecretSource = z.input<typeof secretSource>;

const variables = z.record(z.string(), z.string());

const hostSchema = z.union([
  z.string(),
  z.strictObject({
    host: z.string().describe("Host name as ssh takes it."),
    root: z.string().describe("Install root on this host.").optional(),
    user: z.string().describe("Remote user.").optional(),
    port: z.int().min(1).max(65535).describe("Port of ssh.").optional(),
    env: variables.describe("Variables of this host only.").optional(),
    local: z.boolean().describe("true: this very machine, without ssh.").optional(),
  }),
]);

/** What a hook is told. `host` and `from` are there in `afterHost` only. */
export interface DeployMoment {
  environment: string;
  name: string;
  version: string;
  hosts: string[];
  host?: string;
  from?: string | null;
}
export type DeployHook = string[] | ((deploy: DeployMoment) => unknown);
export interface DeployHooks {
  beforeDeploy?: DeployHook | undefined;
  afterHost?: DeployHook | undefined;
  afterDeploy?: DeployHook | undefined;
}
const hook = z.union([
  z.array(z.string()).min(1),
  z.custom<(deploy: DeployMoment) => unknown>(isFunction, "expected a command or a function"),
]);

const environmentSchema = z.strictObject({
  hosts: z.array(hostSchema).min(1).describe("The hosts, in the order of a rollout."),
  root: z.string().describe("Install root on every host. Default /srv/<name>.").optional(),
  ssh: z
    .strictObject({ config: z.string().describe("An ssh configuration file.").optional() })
    .describe("How hosts are reached.")
    .optional(),
  env: variables
    .describe("Variables of etc/env on the hosts. With env or secrets, deploy replaces that file.")
    .optional(),
  secrets: z
    .record(z.string(), secretSource)
    .describe("Variables whose values never stand in a file of the project.")
    .optional(),
  rollout: z
    .strictObject({
      canary: z.int().min(0).describe("Hosts that go first, alone. Default 1.").optional(),
      batch: z
        .union([z.int().min(1), z.string().regex(/^\d+%$/)])
        .describe("Hosts at a time after them, as a number or as 25%. Default: all.")
        .optional(),
      onFailure: z
        .enum(["stop", "rollback"])
        .describe(
          "When a host fails: stop where we are (default), or also roll back the hosts that are done.",
        )
        .optional(),
    })
    .describe("How a deploy goes through the hosts.")
    .optional(),
  systemd: z.boolean().describe("Install a systemd unit.").optional(),
  hooks: z
    .strictObject({
      beforeDeploy: hook
        .describe("Before the first host is changed; when it fails, nothing is.")
        .optional(),
      afterHost: hook.describe("After each host that was changed.").optional(),
      afterDeploy: hook.describe("After the last host, all well.").optional(),
    })
    .describe("Commands or functions around a deploy.")
    .optional(),
});

/** A step of an appup; it runs in a process of its own, with the release's Node and environment. */
export type AppupFunction = (release: {
  from: string;
  to: string;
  direction: "upgrade" | "downgrade";
}) => unknown;

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

const appupRun = z.union([z.array(z.string()).min(1), z.custom<AppupFunction>(isFunction)]);
const appupSteps = z.array(
  z.union(
    [
      z.string(),
      appupRun,
      z.strictObject({
        run: appupRun.describe('The command, such as ["node", "./migrate.ts"], or the function.'),
        on: z
          .enum(["upgrade", "downgrade", "both"])
          .describe("In which direction it runs. Default upgrade.")
          .optional(),
        timeoutMs: z
          .int()
          .min(1)
          .describe(`How long it may take, in milliseconds. Default ${APPUP_TIMEOUT_MS}.`)
          .optional(),
      }),
    ],
    { error: APPUP_STEP_EXPECTED },
  ),
);

const versionRange = z
  .string()
  .refine((range) => semver.validRange(range) !== null, "expected a range of versions such as 1.x");
const appupRule = {
  from: versionRange.describe("Versions that are left, as a range (1.x). Default any.").optional(),
  to: versionRange.describe("Versions that are gone to, as a range. Default any.").optional(),
};

export const configSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/, "must be a plain file name")
    .describe("Name of the release and of bin/<name>. Default: the name in package.json.")
    .optional(),
  version: z
    .string()
    .describe(
      '"package": the version in package.json (default). "git": that, the commit count and the commit: 1.2.0+45.ab12cd34. Or a semantic version.',
    )
    .optional(),
  entry: z
    .string()
    .describe(
      "The file that starts the app. Default: what the Procfile, the start:prod or start script name, main/exports, src/{server,main,index}.ts.",
    )
    .optional(),
  build: z
    .enum(["compile", "own", "bundle"])
    .describe(
      "compile: own sources to one ESM file, packages as packages (default for a TypeScript entry without a build script). own: the build script if there is one, then the files as they are (default otherwise). bundle: packages inlined too.",
    )
    .optional(),
  files: z
    .array(z.string())
    .describe(
      "Globs of further files to pack, such as public/** and views/**; !… takes some out. Links are followed to files of the project only.",
    )
    .optional(),
  packages: z
    .enum(["all", "traced", "none"])
    .describe(
      "all: the production packages (default). traced: of them only the files that the code reaches; external names those that stay whole. none: what is packed carries its own.",
    )
    .optional(),
  shared: z
    .array(z.string().min(1))
    .describe(
      "What the app writes beside its code, such as uploads/ and data.sqlite: it lives in var/ and is linked into each version.",
    )
    .optional(),
  external: z
    .array(z.string())
    .describe(
      "With bundle: packages that stay packages. With traced packages: those that stay whole.",
    )
    .optional(),
  runtime: z
    .strictObject({
      node: z
        .string()
        .describe(
          "Node's version. Default: .node-version, .nvmrc, engines.node, what native addons are installed for, newest LTS.",
        )
        .optional(),
      from: z
        .string()
        .regex(
          /^(npm$|\/|https:\/\/|http:\/\/(127\.0\.0\.1|localhost)[:/])/,
          'must be "npm", an https address or an absolute path',
        )
        .describe(
          '"npm" (default), an https mirror of nodejs.org/dist, or the path of a node binary.',
        )
        .optional(),
    })
    .describe("The Node runtime that the release carries.")
    .optional(),
  processes: z
    .record(z.string().regex(/^[a-z][a-z0-9-]*$/), processSchema)
    .describe("More than one process in a release; without it there is one, main.")
    .optional(),
  nodeArgs: z
    .array(z.string())
    .describe(
      "Arguments of node, such as --max-old-space-size=512; $NAME is filled in as in processes.*.args.",
    )
    .optional(),
  ...settingsSchema,
  secrets: z
    .strictObject({
      allow: z
        .array(
          z.strictObject({
            file: z.string().describe("Path in the project."),
            reason: z.string().min(1).describe("Why it is no secret."),
          }),
        )
        .describe("Findings that are none.")
        .optional(),
    })
    .describe("The search for secrets in what is packed.")
    .optional(),
  appup: z
    .strictObject({
      before: appupSteps
        .describe(
          "Commands or functions that run before anything of the new version does. One that fails: refused, exit 4.",
        )
        .optional(),
      after: appupSteps
        .describe(
          "Commands or functions that run when nothing of the old version does any more. One that fails: exit 1.",
        )
        .optional(),
      force: z
        .array(
          z.strictObject({
            ...appupRule,
            use: z
              .enum(["handoff", "restart"])
              .describe("handoff: no swap. restart: never both versions at once; memory is lost."),
            reason: z.string().min(1).describe("Shown by plan and in the report.").optional(),
          }),
        )
        .describe("Pairs of versions and the strategy for them, whatever the plan would be.")
        .optional(),
      forbid: z
        .array(
          z.strictObject({
            ...appupRule,
            reason: z.string().min(1).describe("What the refusal says."),
          }),
        )
        .describe("Pairs of versions that are refused.")
        .optional(),
    })
    .describe("What the app says about getting from one of its versions to another.")
    .optional(),
  store: z
    .string()
    .describe("Where releases are kept: a folder, ssh://host/folder or oci://registry/app.")
    .optional(),
  environments: z
    .record(z.string(), environmentSchema)
    .describe("Where `tsugi deploy` goes, by name.")
    .optional(),
});

/** What `tsugi.config.*` may hold. */
export type Config = z.input<typeof configSchema>;
