/** Which way leads to a host, with a printer in front of it where nothing is to be done. */
import {
  type Environment,
  expandHome,
  type HostSpec,
  openTransport,
  PrinterTransport,
  type Report,
  type Transport,
} from "../deploy/index.ts";
import { defined } from "../protocol/shape.ts";

export function opener(
  { sshConfig }: Environment,
  folder: string,
  /** Where commands are only printed. */
  print: Report | undefined,
): (host: HostSpec) => Transport {
  const configFile = sshConfig && expandHome(sshConfig, folder);
  return ({ name, user, port, local }) => {
    const transport = openTransport({ host: name, ...defined({ user, port, local, configFile }) });
    if (print === undefined) return transport;
    return new PrinterTransport(transport, (host, command) =>
      print({ event: "command", host, command }),
    );
  };
}
