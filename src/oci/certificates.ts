/** A registry of one's own has a certificate that the system knows and Node does not. */
import tls from "node:tls";

interface Certificates {
  getCACertificates?(of: "default" | "system"): string[];
  setDefaultCACertificates?(certificates: string[]): void;
}

let isDone = false;

/** Node 22.19, 24.5 and newer; before, NODE_EXTRA_CA_CERTS says it. */
export function useSystemCertificates(): void {
  const { getCACertificates, setDefaultCACertificates } = tls as Certificates;
  if (isDone || getCACertificates === undefined) return;
  isDone = true;
  const known = [...getCACertificates("default"), ...getCACertificates("system")];
  setDefaultCACertificates?.([...new Set(known)]);
}
