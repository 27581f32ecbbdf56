/** docs/guides/deploy.md, typed by a new user: from `git clone` to an upgraded service on an empty host. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { mustRun, runCommand } from "../helpers/commands.ts";
import { projectRoot } from "../helpers/example.ts";
import { pageAt } from "../helpers/markdown.ts";
import { freePort } from "../helpers/ports.ts";
import { writeFiles } from "../helpers/projects.ts";
import { startSshHosts, whyNoSshd } from "../helpers/sshd.ts";
import { playPage } from "../helpers/story.ts";

const skip = await whyNoSshd();

/** What somebody has in a repository: the service of the README. */
const GREETER = {
  "package.json": { name: "greeter", version: "1.0.0", type: "module", private: true },
  ".gitignore": "node_modules\nrel\n",
  "src/server.ts": `import { createServer } from "node:http";

let visitors = 0;

const server = createServer((_request, response) => {
  visitors += 1;
  response.end(\`hello, visitor \${visitors}\\n\`);
});
server.listen(Number(process.env.PORT ?? 4000));
`,
};

test("docs/guides/deploy.md: every command does what is said of it", { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-guide-"));
  const fleet = await startSshHosts(["app1"]);
  const [host] = fleet.hosts;
  const root = join(host!.folder, "srv", "greeter");
  try {
    const { PATH, LANG } = process.env;
    const npmrc = join(homedir(), ".npmrc");
    const env = {
      PATH,
      LANG,
      HOME: folder,
      USER: "you",
      XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"),
      npm_config_cache: process.env.npm_config_cache ?? join(homedir(), ".npm"),
      ...(existsSync(npmrc) ? { npm_config_userconfig: npmrc } : {}),
      npm_config_update_notifier: "false",
      GIT_CONFIG_GLOBAL: join(folder, ".gitconfig"),
    };
    writeFileSync(env.GIT_CONFIG_GLOBAL, "[user]\n  name = You\n  email = you@example.com\n");
    const repository = writeFiles(join(folder, "greeter.git"), GREETER);
    for (const args of [
      ["init", "-q"],
      ["add", "-A"],
      ["commit", "-qm", "A greeter"],
    ]) {
      await mustRun("git", args, { cwd: repository, env });
    }
    const home = join(folder, "home");
    mkdirSync(home);
    symlinkSync(projectRoot, join(home, "tsugi"));
    await playPage(pageAt("docs/guides/deploy.md"), {
      home,
      env: { ...env, HOME: home },
      replace: [
        ["https://git.example.com/you/greeter.git", repository],
        ["~/.ssh/config", fleet.configFile],
        ["/srv/greeter", root],
        ["4000", String(await freePort())],
      ],
    });
    assert.ok(existsSync(join(root, "log", "deploys.jsonl")));
  } finally {
    await runCommand(join(root, "bin", "greeter"), ["stop"]).catch(() => {});
    await fleet.remove();
    rmSync(folder, { recursive: true, force: true });
  }
});
