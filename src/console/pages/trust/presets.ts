/** The issuers of ID tokens that the form knows: what their tokens say, and how a job gets one. */
import {
  githubSnippet,
  gitlabSnippet,
  oidcSnippet,
  type Registry,
} from "../../../cli/ci-snippet.ts";
import type { MessageKey } from "../../i18n/i18n.ts";

/** A claim of an issuer's tokens that a rule may ask for. */
export interface KnownClaim {
  readonly claim: string;
  /** What the claim is, and where its value is found. */
  readonly hint: MessageKey;
  /** An example of what to write. */
  readonly example: string;
  readonly isRequired: boolean;
}

interface Preset {
  readonly label: string;
  readonly issuer: string;
  readonly claims: readonly KnownClaim[];
  readonly snippet: (registry: Registry) => string;
}

const needed = (claim: string, hint: MessageKey, example: string): KnownClaim => ({
  claim,
  hint,
  example,
  isRequired: true,
});
const optional = (claim: string, hint: MessageKey, example: string): KnownClaim => ({
  claim,
  hint,
  example,
  isRequired: false,
});

export const PRESETS = {
  github: {
    label: "GitHub Actions",
    issuer: "https://token.actions.githubusercontent.com",
    claims: [
      needed("repository_id", "claimRepositoryId", "123456789"),
      needed("repository_owner_id", "claimOwnerId", "9876543"),
      optional("ref", "claimRef", "refs/tags/v*"),
      optional("environment", "claimEnvironment", "production"),
      optional("workflow_ref", "claimWorkflow", "*/.github/workflows/release.yml@*"),
      optional("event_name", "claimEvent", "push release"),
    ],
    snippet: githubSnippet,
  },
  gitlab: {
    label: "GitLab",
    issuer: "https://gitlab.com",
    claims: [
      needed("project_id", "claimProjectId", "12345678"),
      optional("namespace_id", "claimNamespaceId", "1234567"),
      optional("ref", "claimRefGitlab", "main v*"),
      optional("ref_protected", "claimProtected", "true"),
      optional("environment", "claimEnvironment", "production"),
      optional("pipeline_source", "claimEvent", "push web"),
    ],
    snippet: gitlabSnippet,
  },
  circleci: {
    label: "CircleCI",
    issuer: "https://oidc.circleci.com/org/ORGANIZATION-ID",
    claims: [
      needed(
        "oidc.circleci.com/project-id",
        "claimCircleProject",
        "0a1b2c3d-0000-0000-0000-000000000000",
      ),
    ],
    snippet: circleSnippet,
  },
  buildkite: {
    label: "Buildkite",
    issuer: "https://agent.buildkite.com",
    claims: [
      needed("organization_id", "claimOrganization", "0a1b2c3d-0000-0000-0000-000000000000"),
      needed("pipeline_id", "claimPipeline", "0a1b2c3d-0000-0000-0000-000000000000"),
      optional("build_branch", "claimBranch", "main"),
    ],
    snippet: buildkiteSnippet,
  },
  other: {
    label: "",
    issuer: "",
    claims: [needed("sub", "claimSubject", "project:acme:*")],
    snippet: oidcSnippet,
  },
} as const satisfies Readonly<Record<string, Preset>>;

export type PresetName = keyof typeof PRESETS;

export function isPreset(name: string): name is PresetName {
  return Object.hasOwn(PRESETS, name);
}

/** Finds the issuer's preset; "other" for one that no preset names. */
export function presetOf(issuer: string): PresetName {
  if (issuer.startsWith("https://oidc.circleci.com/org/")) return "circleci";
  const names = Object.keys(PRESETS) as PresetName[];
  return names.find((name) => PRESETS[name].issuer === issuer) ?? "other";
}

/** A job of CircleCI; the token that it gets by itself has another audience. */
function circleSnippet({ host, audience, image }: Registry): string {
  return `# .circleci/config.yml
version: 2.1
jobs:
  image:
    machine: { image: "ubuntu-2404:current" }
    environment: { IMAGE: "${host}/${image}" }
    steps:
      - checkout
      - run: |
          circleci run oidc get --claims '{"aud": "${audience}"}' |
            docker login ${host} -u oidc --password-stdin
          docker build --tag "$IMAGE:$CIRCLE_TAG" --push .
workflows:
  release:
    jobs:
      - image: { filters: { tags: { only: "/^v.*/" }, branches: { ignore: "/.*/" } } }
`;
}

/** A step of Buildkite; $$ is a dollar for the shell. */
function buildkiteSnippet({ host, audience, image }: Registry): string {
  return `# .buildkite/pipeline.yml
steps:
  - label: "Image"
    if: build.tag =~ /^v/
    env: { IMAGE: "${host}/${image}" }
    command: |
      buildkite-agent oidc request-token --audience ${audience} \\
        --claim organization_id --claim pipeline_id |
        docker login ${host} -u oidc --password-stdin
      docker build --tag "$$IMAGE:$$BUILDKITE_TAG" --push .
`;
}
