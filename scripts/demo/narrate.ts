/** How the demo talks: 80 columns, plain where the output is no terminal. */
const styled = process.stdout.isTTY && process.env.NO_COLOR === undefined;
const style = (code: number, text: string) => (styled ? `\x1b[${code}m${text}\x1b[0m` : text);

export const bold = (text: string) => style(1, text);
export const dim = (text: string) => style(2, text);
export const red = (text: string) => style(31, text);
export const green = (text: string) => style(32, text);

let chapters = 0;

export function chapter(title: string): void {
  chapters += 1;
  console.log(`\n${bold(`${chapters}. ${title}`)}`);
}

export const say = (text = "") => console.log(text === "" ? "" : indent(text, 3));

/** A command as a reader would type it, and what it answered, which may be 80 columns wide. */
export function showCommand(command: string, output = ""): void {
  console.log(`$ ${command}`);
  if (output.trim() !== "") console.log(dim(output.trimEnd()));
}

export const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
export const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

const indent = (text: string, by: number) => text.replace(/^(?=.)/gm, " ".repeat(by));
