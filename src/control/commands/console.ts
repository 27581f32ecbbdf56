import { defined } from "../../contract/checks.ts";
import type { HostOptions } from "../../contract/commands/host.ts";
import { ask, type Request } from "../client.ts";
import type { Context } from "../context.ts";
import { note } from "../output.ts";

export default async function consoleCommand(context: Context, options: HostOptions<"console">) {
  const terminal = Boolean(process.stdin.isTTY && process.stdout.isTTY);
  const columns = process.stdout.columns;
  const request: Request = {
    verb: "console",
    terminal,
    ...options,
    ...defined({ columns }),
  };
  if (terminal) note(`Console of ${context.layout.name}; Ctrl-D leaves it.`);
  try {
    await ask(context.layout, request, {
      onOpen: (send) => passInput(send, terminal),
      onEvent: (event) => {
        if (event.event === "output") process.stdout.write(event.data);
      },
    });
  } finally {
    if (terminal) process.stdin.setRawMode(false);
    process.stdin.destroy();
  }
}

function passInput(send: (request: Request) => void, terminal: boolean): void {
  const { stdin } = process;
  if (terminal) stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  stdin.on("data", (data) => send({ verb: "consoleInput", data: String(data) }));
  stdin.on("end", () => send({ verb: "consoleInput", data: null }));
}
