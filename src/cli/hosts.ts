/** Which way leads to a host, with a printer in front of it where nothing is to be done. */

import { defined } from "../contract/checks.ts";
import {
  type Emit,
  type Environment,
  expandHome,
  type HostSpec,
  openTransport,
  PrinterTransport,
  type Transport,
} from "../deploy/index.ts";

export function opener(
  { sshConfig }: Environment,
  folder: string,
  /** Where commands are only printed. */
  print: Emit | undefined,
): (host: HostSpec) => Transport {
  const configFile = sshConfig && expandHome(sshConfig, folder);
  return ({ name, user, port, local }) => {
    const way = defined({ user, port, local, configFile });
    const transport = openTransport({ host: name, ...way, compresses: true });
    if (print === undefined) return transport;
    return new PrinterTransport(transport, (host, command) =>
      print({ event: "command", host, command }),
    );
  };
}
