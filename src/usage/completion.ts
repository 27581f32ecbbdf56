/**
 * What a shell completes on both command lines, from the contract's rows. One program in sh knows what
 * may come next; bash and zsh have it as a function, fish asks sh. It is given the word that is being
 * typed, the program and the words before it, and prints candidates, each with a tab and what it is.
 * Names of files come from the shell itself, where nothing of these fits.
 */

import {
  argumentsOf,
  type CommandRow,
  type Completed,
  type FlaggedOption,
  type HostKind,
  optionsOf,
  SHELLS,
} from "../contract/commands/define.ts";
import { HELP, hostCommands } from "../contract/commands/host.ts";
import { TsugiError } from "../contract/errors.ts";
import { wordsFor } from "./declare.ts";

export type Shell = (typeof SHELLS)[number];

/** @throws TSUGI_USAGE. `help`: what to type then */
export function shellNamed(text: string, help: string): Shell {
  const shell = SHELLS.find((name) => name === text);
  if (shell !== undefined) return shell;
  const problem = `there are no completions for ${text}, but for ${SHELLS.join(", ")}`;
  throw new TsugiError("TSUGI_USAGE", { problem, help });
}

export interface CompletedProgram {
  /** A word of the shell: `tsugi`, or the application's. */
  name: string;
  kind: HostKind;
  rows: Readonly<Record<string, CommandRow>>;
}

export const completionScript = (shell: Shell, program: CompletedProgram): string =>
  SCRIPTS[shell](program.name, candidates(program));

/** Of `bin/<app>`, whose help is no row on Node. */
export function hostCompletion(shell: Shell, name: string, kind: HostKind): string {
  const help: CommandRow = { text: HELP.text, arguments: { "[command]": {} }, example: "" };
  return completionScript(shell, {
    name,
    kind,
    rows: { ...Object.fromEntries(hostCommands(kind)), help },
  });
}

/** `body` is what the function in sh does. */
const SCRIPTS: Record<Shell, (name: string, body: string) => string> = {
  bash: (name, body) => `# bash completes ${name} by this: source <(${name} completion bash)
_tsugi_${name}_words() {
${body}
}

_tsugi_${name}() {
  local line=\${COMP_LINE:0:COMP_POINT} word='' candidate typed
  read -ra typed <<<"$line"
  case $line in
  *[[:space:]]) ;;
  *) word=\${typed[-1]} && unset 'typed[-1]' ;;
  esac
  # Bash breaks words at @ and : too, and replaces what comes after.
  local kept=\${word%"$2"}
  COMPREPLY=()
  while IFS=$'\\t' read -r candidate _; do
    [[ $candidate != "$word"* ]] || COMPREPLY+=("\${candidate#"$kept"}")
  done < <(_tsugi_${name}_words "$word" "\${typed[@]}")
}

complete -o default -F _tsugi_${name} ${name}
`,
  zsh: (name, body) => `#compdef ${name}
# zsh completes ${name} by this: source <(${name} completion zsh)
_tsugi_${name}_words() {
${body}
}

_tsugi_${name}() {
  local -a found
  local candidate text
  while IFS=$'\\t' read -r candidate text; do
    found+=("\${candidate//:/\\\\:}:$text")
  done < <(_tsugi_${name}_words "$PREFIX" "\${(@)words[1,CURRENT-1]}")
  _describe ${name} found || _files
}

(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _tsugi_${name} ${name}
`,
  fish: (name, body) => `# fish completes ${name} by this: ${name} completion fish | source
function __tsugi_${name}
    set -l word (commandline -ct)
    set -l found (sh -c '${`words() {\n${body}\n}\nwords "$@"`.replace(/[\\']/g, "\\$&")}' sh "$word" (commandline -opc) | string match -- "$word*")
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path "$word"
    end
end

complete -c ${name} -f -a '(__tsugi_${name})'
`,
};

function candidates(program: CompletedProgram): string {
  const commands = Object.entries(program.rows).map(([verb, row]) => {
    const options = optionsOf(row, program.kind);
    return { verb, row, options, help: wordsFor(row.text, program.kind) };
  });
  const inTwoWords = commands.flatMap(({ verb }) => (verb.includes(" ") ? [quoted(verb)] : []));
  const first = commands.filter(({ verb }) => !verb.includes(" "));
  const verbs = first.map(({ verb }) => verb);
  const valued = commands.flatMap(({ verb, options }) =>
    options.filter(takesValue).flatMap(({ flags }) => namesOf(flags).map((n) => `${verb}:${n}`)),
  );
  const places = commands.flatMap(({ verb, row, options }) => [
    ...argumentsOf(row).map(({ completed }, at) =>
      place(`${verb}:${at}`, verb === "help" ? verbs : completed),
    ),
    ...options.flatMap(({ flags, choices, completed }) =>
      namesOf(flags).map((name) => place(`${verb}:${name}`, choices ?? completed)),
    ),
    ...parts(verb, commands),
  ]);
  return `  local word=$1 program=$2 verb=\${3-} taking='' at=0
  case $program in '~/'*) program=$HOME/\${program#'~/'} ;; esac
  [ $# -ge 3 ] || { ${printed(first.map(({ verb, help }) => [verb, help]))}; return; }
  shift 3
${inTwoWords.length === 0 ? "" : `  case "$verb \${1-}" in ${inTwoWords.join(" | ")}) verb="$verb $1" && shift ;; esac\n`}\
  while [ $# -gt 0 ]; do
    case "\${taking:+value}:$verb:$1" in
    value:*) taking='' ;;
    ${valued.map((name) => quoted(`:${name}`)).join(" | ")}) taking=$1 ;;
    *:-*) ;;
    *) at=$((at + 1)) ;;
    esac
    shift
  done
  case "\${word%%[!-]*}:$verb:\${taking:-$at}" in
${places.flat().join("\n")}
  -*:*:[0-9]*)
    case $verb in
${commands.map(({ verb, options }) => flagsOf(verb, options, program.kind)).join("\n")}
    esac ;;
  esac`.replaceAll(/^ {4}\n/gm, "");
}

/** \`keys\` is followed by \`new\` or \`show\`. */
function parts(verb: string, commands: { verb: string; help: string }[]): string[] {
  const below = commands.filter((other) => other.verb.startsWith(`${verb} `));
  if (below.length === 0) return [];
  const rows = below.map((other) => [other.verb.split(" ")[1]!, other.help]);
  return [`  ${quoted(`:${verb}:0`)}) ${printed(rows)} ;;`];
}

function place(at: string, completed: Completed | undefined): string[] {
  if (completed === undefined) return [];
  const action = typeof completed === "string" ? LIVE[completed] : listed(completed);
  return [`  ${quoted(`:${at}`)}) ${action} ;;`];
}

/** Asked for when somebody types: the program's own lists, without their headings. */
const LIVE: Record<Extract<Completed, string>, string> = {
  "releases here": `"$program" releases 2>/dev/null | awk 'NR > 1 { print $1 "\\t" $2 }'`,
  "stored releases": `"$program" list 2>/dev/null | awk 'NR > 1 { print $1 "\\t" $2 }'`,
  environments: `"$program" completion environments 2>/dev/null`,
};

function flagsOf(verb: string, options: FlaggedOption[], kind: HostKind): string {
  const rows = options.map(({ flags, text }) => [namesOf(flags).at(-1)!, wordsFor(text, kind)]);
  return `    ${quoted(verb)}) ${printed([...rows, ["--help", "how it is called"]])} ;;`;
}

const takesValue = ({ flags }: FlaggedOption): boolean => /[<[]/.test(flags);
const namesOf = (flags: string): string[] => flags.match(/(?<![\w-])--?[\w-]+/g) ?? [];

const listed = (words: readonly string[]): string =>
  `printf '%s\\n' ${words.map(quoted).join(" ")}`;
const printed = (rows: string[][]): string =>
  `printf '%s\\t%s\\n' ${rows.flat().map(quoted).join(" ")}`;
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
