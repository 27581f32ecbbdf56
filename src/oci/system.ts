/** What the system knows of the network, and Node does not by itself: its certificates, its proxy. */
import http from "node:http";
import tls from "node:tls";

interface Certificates {
  getCACertificates?(of: "default" | "system"): string[];
  setDefaultCACertificates?(certificates: string[]): void;
}

interface Proxies {
  setGlobalProxyFromEnv?(): unknown;
}

const { setGlobalProxyFromEnv } = http as Proxies;
const PROXY_VARIABLES = ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"];

let isDone = false;

export function useSystem(): void {
  if (isDone) return;
  isDone = true;
  useCertificates();
  if (hasProxy()) setGlobalProxyFromEnv?.();
}

/** A registry of one's own has one. Node 22.19, 24.5 and newer; before, NODE_EXTRA_CA_CERTS says it. */
function useCertificates(): void {
  const { getCACertificates, setDefaultCACertificates } = tls as Certificates;
  if (getCACertificates === undefined) return;
  const known = [...getCACertificates("default"), ...getCACertificates("system")];
  setDefaultCACertificates?.([...new Set(known)]);
}

const hasProxy = (): boolean => PROXY_VARIABLES.some((name) => process.env[name]);

/** Why the network may not be there, where that is known. */
export function networkRemark(): string {
  const isHeeded = setGlobalProxyFromEnv !== undefined || process.env.NODE_USE_ENV_PROXY === "1";
  if (isHeeded || !hasProxy()) return "";
  return `; Node ${process.versions.node} heeds the proxy of the environment only with NODE_USE_ENV_PROXY=1 (22.21 and newer)`;
}
