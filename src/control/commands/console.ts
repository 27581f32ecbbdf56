import { wholeNumber } from "../arguments.ts";
import { ask, type Request } from "../client.ts";
import type { Register } from "../command.ts";
import { note } from "../output.ts";

interface Options {
  process?: string;
  slot?: number;
}

const register: Register = (program, context) => {
  program
    .command("console")
    .description("a REPL inside a running worker; Ctrl-D leaves it, the worker goes on")
    .option("--process <name>", "which process (default: the first)")
    .option("--slot <number>", "which of its slots", wholeNumber)
    .action(async (options: Options) => {
      const terminal = Boolean(process.stdin.isTTY && process.stdout.isTTY);
      const columns = process.stdout.columns;
      const request: Request = {
        verb: "console",
        terminal,
        ...options,
        ...(columns === undefined ? {} : { columns }),
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
    });
};
export default register;

function passInput(send: (request: Request) => void, terminal: boolean): void {
  const { stdin } = process;
  if (terminal) stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  stdin.on("data", (data) => send({ verb: "consoleInput", data: String(data) }));
  stdin.on("end", () => send({ verb: "consoleInput", data: null }));
}
