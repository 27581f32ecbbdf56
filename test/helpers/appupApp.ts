/** counter with an appup, for tests that run it: each step writes down what it found. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFiles } from "./projects.ts";

/** What a step saw, as a line of `<root>/var/steps`. */
export interface SeenStep {
  name: string;
  from: string;
  to: string;
  direction: string;
  cwd: string;
  node: string;
  /** What the service said of its version meanwhile. */
  serving: string;
  /** A variable of etc/env. */
  flavour: string | undefined;
}

const STEP = `import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

/** Fails, and hangs, where etc/env says so. */
export async function step(name: string): Promise<void> {
  const { PORT, TSUGI_FROM, TSUGI_TO, TSUGI_DIRECTION, FLAVOUR, FAIL, HANG } = process.env;
  console.log(\`step \${name} begins\`);
  const response = await fetch(\`http://127.0.0.1:\${PORT}/version\`);
  const { version: serving } = (await response.json()) as { version: string };
  const seen = { from: TSUGI_FROM, to: TSUGI_TO, direction: TSUGI_DIRECTION, flavour: FLAVOUR };
  const more = { cwd: process.cwd(), node: process.versions.node, serving };
  appendFileSync(join(process.env.TSUGI_DATA_DIR ?? ".", "steps"), \`\${JSON.stringify({ name, ...seen, ...more })}\\n\`);
  if (HANG === name) await setTimeout(600_000);
  if (FAIL === name) throw new Error(\`\${name} was told to fail\`);
}
`;

const CONFIG = `import { defineConfig } from "tsugi";
import { hidden } from "./hidden.ts";
import { step } from "./scripts/step.ts";

async function migrate({ from, to }: { from: string; to: string }) {
  await step("migrate");
  console.log(\`migrated \${from} to \${to}\`);
}

export default defineConfig({
  environments: { production: { hosts: [hidden] } },
  health: { intervalMs: 20 },
  appup: {
    before: [migrate, ["node", "./scripts/command.ts", "command"]],
    after: [
      { run: ["sh", "./scripts/tidy.sh", "tidy"] },
      { run: () => step("revert"), on: "downgrade" },
    ],
  },
});
`;

/** For buildVariant's \`prepare\`. */
export function addAppup(project: string, config = CONFIG): void {
  writeFiles(project, {
    "tsugi.config.ts": config,
    "hidden.ts": 'export const hidden = "host-of-ours.example";\n',
    "scripts/step.ts": STEP,
    "scripts/command.ts": 'import { step } from "./step.ts";\nawait step(process.argv[2]!);\n',
    "scripts/tidy.sh":
      '[ "$FAIL" != "$1" ] && echo "{\\"name\\":\\"$1\\",\\"from\\":\\"$TSUGI_FROM\\"}" >>"$TSUGI_DATA_DIR/steps"\n',
  });
}

export function stepsSeen(root: string): SeenStep[] {
  const text = readFileSync(join(root, "var", "steps"), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as SeenStep);
}
