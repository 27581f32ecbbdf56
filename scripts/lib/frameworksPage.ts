/** docs/guides/your-framework.md: the table of shapes as a guide. */
import { SHAPES } from "../../src/assemble/shapes/index.ts";

export function frameworksPage(): string {
  const rows = SHAPES.map(
    ({ name, known, packs, starts, tried }) =>
      `| ${name} | ${known} | ${packs} | ${starts} | ${tried ?? ""} |`,
  );
  return `# Your framework

<!-- Written by \`npm run docs\` from src/assemble/shapes/: change it there. -->

\`npx tsugi release\` takes a project as its starter wrote it. What it is, is seen by its dependencies; the build script runs
first, then what is needed is packed, started once in a throwaway folder and asked for \`/\`, and only then called built.

| | known by | packed | started by | tried with |
|---|---|---|---|---|
${rows.join("\n")}

"Tried with" is the version of the starter's project that was released, started where there is no Node, and asked for its
page; most as [the world](../reliability.md#projects-as-their-starters-make-them) has them. A row without it is by rule.

## What your start script says

The Procfile's \`web\`, else \`start:prod\`, else \`start\`; \`main\` where none of them names a file.

- **A file** is the entry, with its arguments: \`node dist/server.js --mode prod\`.
- **The command of a dependency** is followed to its file: \`next start\`, \`react-router-serve ./build/server/index.js\`,
  \`strapi start\`.
- **A file that only an argument or a variable names** (\`--config conf/prod.json\`, \`NODE_CONFIG_DIR=./config\`) is packed too;
  one that is a secret, or looks like what the app writes, is said instead.
- **Variables** (\`cross-env PORT=4000 …\`) are defaults of the release; \`etc/env\` on a host overrides them.
- **\`--env-file .env\`**: the file is not packed. What it sets goes into \`etc/env\`.
- **\`tsx\`, \`ts-node\`, \`nodemon\`, \`--import tsx\`, \`NODE_OPTIONS=\`** are seen through, and so are \`dotenv -e\`, \`env-cmd\`,
  \`concurrently\`, \`npm-run-all\`, \`sh -c\`, \`./start.sh\`, \`tini\` and their like: what they would run in the end is released, compiled where
  Node does not take it as it is. Where folders of TypeScript are loaded by their names when it runs (\`@fastify/autoload\`, a
  bot's commands), nothing is compiled, and \`tsx\` goes along.
- **\`tsc-watch --onSuccess "node dist/a.js"\`**, \`tsup --onSuccess …\`: built once, and what the line runs is started. Of **\`wireit\`**
  the section of package.json is read.
- **\`--import ./otel.mjs\`, \`-r dotenv/config\`**, also by \`NODE_OPTIONS\`: loaded first in the release too, and packed with
  all that they import, whatever the rest carries.
- **\`tsc && node dist/server.js\`**, a \`prestart\` or \`heroku-postbuild\` that builds: where there is no \`build\` script, that is it.
- **\`a && node …\`, \`node …; b\`**: the service alone is started, and the rest is said. What has to run before an upgrade,
  such as migrations, is an \`appup\` ([the database's schema](../cookbook/database.md)); so is the Procfile's \`release\`.
- **\`turbo start\`, \`pnpm --filter web start\`, \`cd server && npm start\`** start another project: that one is named, to be
  released in its own folder.
- **Other lines of a Procfile, and \`start:worker\`**, are proposed as further \`processes\`.

## What it writes

The folder of the application is its working directory and is not written to. What your app, or your framework, writes beside
its code is named once, and lives in \`var/\` across versions:

\`\`\`ts
import { defineConfig } from "tsugi";

export default defineConfig({ shared: ["uploads", "data.sqlite"] });
\`\`\`

What a database's own code, or another program, has written there while the release was tried is named by the build.

## Where it differs

- **Packages.** The outputs of Nuxt, Nitro and Next's \`output: "standalone"\` carry their own packages, and nothing else is packed
  (\`packages: "none"\`) but what node loads first. Everything else has its production dependencies whole; \`packages: "traced"\` takes of them only the
  files that the code reaches, and \`external: ["name"]\` keeps whole what is asked for by name only when it runs.
- **Files that a glob reads** (an ORM's \`entities\`, \`loadFilesSync\`) are packed as they match at the build. A glob for
  \`.ts\` alone, in a project whose build makes \`.js\` of it, is said: let it end with \`*{.ts,.js}\`.
- **Yarn's Plug'n'Play** has no \`node_modules\` to pack from: \`nodeLinker: node-modules\` in \`.yarnrc.yml\`.
- **The root of a workspace** is no app: \`npx tsugi release apps/web\`.
- **Static sites** (\`output: "export"\`, a single-page app alone) have no server to release.
- **A port of its own.** The trial gives a free \`PORT\`; a service that listens elsewhere is asked there, and its port is named.
`;
}
