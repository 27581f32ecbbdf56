/**
 * The fixture `desk` in a project as `mix phx.new` makes it: the installer of Phoenix's own sources writes it,
 * its packages come from git, and the fixture's pages, channel and API are added as one would type them.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { mustRun } from "./commands.ts";
import { projectRoot } from "./example.ts";

const PHOENIX = "https://github.com/phoenixframework/phoenix.git";
const TAG = "v1.8.8";
/** What is asked of Hex, npm or a database when it is built is no part of it. */
const LEFT_OUT = "ecto mailer gettext dashboard assets install version-check".split(" ");

const desk = join(projectRoot, "test", "fixtures", "beam", "desk-0.1.0");
/** The starter has its own. */
const STARTERS = /\/(mix\.exs|config\/.*|application\.ex|endpoint\.ex|router\.ex|layouts\.ex)$/;

export const isStarters = (path: string): boolean => STARTERS.test(path);

/** @param work where the installer is built, and stays */
export async function makeStarter(folder: string, work: string): Promise<void> {
  const sources = join(work, "phoenix");
  await mustRun("git", ["clone", "--quiet", "--depth", "1", "--branch", TAG, PHOENIX, sources]);
  const archive = join(work, "phx_new.ez");
  const build = { cwd: join(sources, "installer"), env: { ...process.env, MIX_ENV: "prod" } };
  await mustRun("mix", ["archive.build", "-o", archive], build);
  // Not among the archives of whoever runs this.
  const env = { ...process.env, MIX_ARCHIVES: join(work, "archives") };
  await mustRun("mix", ["archive.install", "--force", archive], { cwd: work, env });
  const flags = LEFT_OUT.map((part) => `--no-${part}`);
  mkdirSync(dirname(folder), { recursive: true });
  const made = ["phx.new", folder, "--app", "desk", "--module", "Desk", ...flags];
  await mustRun("mix", made, { cwd: dirname(folder), env });
  cpSync(desk, folder, { recursive: true, filter: (path) => !isStarters(path) });
  addDesk(folder);
}

function addDesk(folder: string): void {
  const edit = (path: string, from: RegExp, to: string) => {
    const text = readFileSync(join(folder, path), "utf8");
    const changed = text.replace(from, to);
    if (changed === text) throw new Error(`${path} is not as it was: ${from}`);
    writeFileSync(join(folder, path), changed);
  };
  const [, packages] = readFileSync(join(desk, "mix.exs"), "utf8").split("  # From git");
  edit("mix.exs", / {2}defp deps do[\s\S]*?\n {2}end\n/, DEPS);
  edit("mix.exs", /end\s*$/, `\n  # From git${packages}`);
  edit(
    "lib/desk/application.ex",
    /children = \[/,
    "Desk.Meter.attach()\n    children = [Desk.Counter,",
  );
  // The Plug of these packages knows hosts, and nothing else.
  edit("config/prod.exs", /exclude: \[[\s\S]*?\n {4}\]/, 'exclude: ["localhost", "127.0.0.1"]');
  const socket = '  socket "/socket", DeskWeb.UserSocket, websocket: true, longpoll: false\n\n$&';
  edit("lib/desk_web/endpoint.ex", / {2}socket "\/live"/, socket);
  const router = readFileSync(join(desk, "lib/desk_web/router.ex"), "utf8");
  edit("lib/desk_web/router.ex", /end\s*$/, router.slice(router.indexOf('\n  scope "/"')));
}

const DEPS = "  defp deps, do: Enum.map(packages(), &package/1)\n";
