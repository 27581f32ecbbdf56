/**
 * Files of what deploys a project (process managers, containers, platforms, clusters). A release is
 * started by itself and has no use for them, and they are where people write secrets, so that none is
 * packed because `npm pack` would take it. One that the code names stays: it may be a template.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { literally } from "../pack/glob.ts";
import type { BuildLog } from "../pack/log.ts";
import { someOf } from "./unfollowed.ts";

/** By name, in any folder. */
const NAMES: readonly RegExp[] = [
  // PM2 takes process.json too.
  /^ecosystem([.-][\w.-]+)?\.([cm]?[jt]s|json|ya?ml)$/,
  /^(pm2|process)(\.config)?\.([cm]?js|json|ya?ml)$/,
  /^(docker-)?compose([.-][\w.-]+)?\.ya?ml$/,
  /^(Dockerfile|Containerfile)([.-].+)?$|\.(Dockerfile|Containerfile)$|^\.dockerignore$/i,
  /^(fly([.-][\w-]+)?|netlify|railway|nixpacks|wrangler|samconfig)\.toml$/,
  /^(vercel|now|railway)\.json$|^(render|serverless([.-][\w-]+)?|skaffold|apprunner|heroku)\.ya?ml$/,
  /^Procfile([.-].+)?$|^captain-definition$|^Vagrantfile$|^Jenkinsfile$/,
  /^\.(gitlab-ci|travis|drone)\.ya?ml$|^(bitbucket|azure)-pipelines\.ya?ml$/,
  /^(cloudbuild|appspec|buildspec)\.ya?ml$/,
  /\.(tf|tfvars)(\.json)?$|\.nomad(\.hcl)?$/,
];

/** By the folder at the top of the project. */
const FOLDERS =
  /^\.(github|gitlab|circleci|ebextensions|elasticbeanstalk|platform|do|kamal|terraform)\//;

/** Manifests of Kubernetes, whatever they are called, and the charts of Helm. */
const MANIFEST = /^apiVersion:[\s\S]*^kind:|^kind:[\s\S]*^apiVersion:/m;

/** Of `paths`. `code`: what runs. */
export function leaveOutDeployFiles(
  folder: string,
  { paths, code, args }: { paths: Set<string>; code: ReadonlySet<string>; args: string[] },
  log: BuildLog,
): void {
  const found = deployFiles(folder, paths).filter((path) => !code.has(path));
  if (found.length === 0) return;
  const texts = [...code].map((path) => readFileSync(join(folder, path), "utf8"));
  const left = found.filter((path) => !isNamedIn([...texts, ...args], path));
  for (const path of left) paths.delete(path);
  if (left.length === 0) return;
  const todo = "files in tsugi.config.ts takes what the app reads";
  log.note(`Not packed, as only a deployment reads them: ${someOf(left)}. ${todo}`);
}

function deployFiles(folder: string, paths: ReadonlySet<string>): string[] {
  return [...paths].filter((path) => {
    if (FOLDERS.test(path) || NAMES.some((name) => name.test(basename(path)))) return true;
    if (!/\.ya?ml$/.test(path)) return false;
    if (isOfChart(folder, path)) return true;
    return MANIFEST.test(readFileSync(join(folder, path), "utf8"));
  });
}

function isOfChart(folder: string, path: string): boolean {
  for (let at = dirname(path); at !== "."; at = dirname(at)) {
    if (existsSync(join(folder, at, "Chart.yaml"))) return true;
  }
  return false;
}

/** `texts`: code, and arguments. The name of a folder that it lies in counts as well. */
const isNamedIn = (texts: readonly string[], path: string): boolean =>
  path.split("/").some((name) => {
    const named = new RegExp(`(^|["'\`/=])${literally(name)}($|["'\`/])`);
    return texts.some((text) => text.includes(name) && named.test(text));
  });
