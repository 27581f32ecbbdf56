/**
 * Where a release comes from, as SLSA provenance in an in-toto statement: what the release says of itself, and
 * what the CI that pushes says of its run. A statement, not a proof: it is as good as who may push.
 */
import type { About, StoredFacts } from "../oci/artefact.ts";
import type { Manifest } from "../release/manifest.ts";
import type { Package } from "./packages.ts";

export function provenanceOf(
  release: StoredFacts,
  { runtime, tsugi, build }: Manifest,
  about: About,
  packages: Package[],
  env = process.env,
): string {
  const { name, version, tarball, releaseId } = release;
  const source = ciOf(env);
  return JSON.stringify({
    _type: "https://in-toto.io/Statement/v1",
    subject: [
      { name: `${name}-${version}.tar.gz`, digest: { sha256: tarball.sha256 } },
      { name: `releases/${version}/release.json`, digest: { sha256: releaseId } },
    ],
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: "urn:tsugi:release:v1",
        externalParameters: { name, version, build, ...about, ...source.parameters },
        internalParameters: { tsugi: tsugi.version },
        resolvedDependencies: [
          { name: runtime.dir },
          ...packages.flatMap(({ purl }) => (purl === undefined ? [] : [{ uri: purl }])),
        ],
      },
      runDetails: {
        builder: { id: source.builder },
        metadata: source.run === undefined ? {} : { invocationId: source.run },
      },
    },
  });
}

/** GitHub and GitLab say who they are. */
function ciOf(env: NodeJS.ProcessEnv) {
  const { GITHUB_REPOSITORY, GITHUB_SERVER_URL, GITHUB_WORKFLOW_REF, GITHUB_RUN_ID } = env;
  if (GITHUB_REPOSITORY && GITHUB_SERVER_URL) {
    const repository = `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}`;
    return {
      builder: `${GITHUB_SERVER_URL}/${GITHUB_WORKFLOW_REF ?? GITHUB_REPOSITORY}`,
      run: `${repository}/actions/runs/${GITHUB_RUN_ID ?? ""}`,
      parameters: { source: repository, revision: env.GITHUB_SHA, ref: env.GITHUB_REF },
    };
  }
  const { CI_PROJECT_URL, CI_JOB_URL, CI_SERVER_URL } = env;
  if (CI_PROJECT_URL && CI_JOB_URL) {
    return {
      builder: `${CI_SERVER_URL ?? CI_PROJECT_URL}/-/runners/${env.CI_RUNNER_ID ?? ""}`,
      run: CI_JOB_URL,
      parameters: {
        source: CI_PROJECT_URL,
        revision: env.CI_COMMIT_SHA,
        ref: env.CI_COMMIT_REF_NAME,
      },
    };
  }
  return { builder: "urn:tsugi:by-hand", run: undefined, parameters: {} };
}
