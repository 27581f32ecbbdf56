/**
 * The one description of `tsugi.config.*`. Validation, the types of `defineConfig`, `tsugi help config`
 * and docs/reference/configuration.md all come from here; what runs with a release is in contract/settings.ts.
 */
import { z } from "zod";
import { appupSchema } from "./appupSchema.ts";
import { environmentSchema } from "./environmentSchema.ts";
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
  appup: appupSchema.optional(),
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
