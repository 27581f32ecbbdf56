/** Which way leads to a host: ssh, none (this machine), or a printer in front of either. */
import {
  type Environment,
  expandHome,
  type HostSpec,
  LocalTransport,
  PrinterTransport,
  type Report,
  SshTransport,
  type Transport,
} from "../deploy/index.ts";

export function opener(
  { sshConfig }: Environment,
  folder: string,
  /** Where commands are only printed. */
  print: Report | undefined,
): (host: HostSpec) => Transport {
  return ({ name, user, port, local }) => {
    const target = {
      host: name,
      ...(user === undefined ? {} : { user }),
      ...(port === undefined ? {} : { port }),
      ...(sshConfig === undefined ? {} : { configFile: expandHome(sshConfig, folder) }),
    };
    const transport = local ? new LocalTransport(name) : new SshTransport(target);
    if (print === undefined) return transport;
    return new PrinterTransport(transport, (host, command) =>
      print({ event: "command", host, command }),
    );
  };
}
