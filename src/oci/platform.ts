/** A release's platform in the words of images. */
const ARCHITECTURES: Record<string, string> = { x64: "amd64", arm64: "arm64" };

export interface OciPlatform {
  os: string;
  architecture: string;
}

/** `linux-x64`, `linux-arm64-musl` … */
export function ociPlatformOf(platform: string): OciPlatform {
  const [os = "linux", architecture = ""] = platform.split("-");
  return { architecture: ARCHITECTURES[architecture] ?? architecture, os };
}
