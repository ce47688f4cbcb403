/** Snippets for a CI's configuration, once the registry trusts its ID tokens; the README shows the same. */

export interface Registry {
  /** Such as "https://registry.example.com". */
  readonly url: string;
  readonly host: string;
  /** The audience that its ID tokens must have. */
  readonly audience: string;
  /** Whose rules the login is for. */
  readonly namespace: string;
  /** An image that may be pushed, without its tag, such as "acme/app". */
  readonly image: string;
}

/**
 * A whole workflow. It builds first, as the login may end within minutes, and shows the registry's own words where there is
 * none; `shell: bash` makes a failure within a pipe one of the step.
 */
export function githubSnippet({ url, host, audience, namespace, image }: Registry): string {
  // As readable as an URL in a query may be (RFC 3986 § 3.4).
  const query = encodeURIComponent(audience).replaceAll("%3A", ":").replaceAll("%2F", "/");
  return `# .github/workflows/release.yml
on: { push: { tags: ["v*"] } }
permissions: { contents: read, id-token: write }
jobs:
  image:
    runs-on: ubuntu-latest
    env: { IMAGE: "${host}/${image}" }
    defaults: { run: { shell: bash } }
    steps:
      - uses: actions/checkout@v4
      - run: docker build -t "$IMAGE:$GITHUB_REF_NAME" .
      - name: Log in
        run: |
          set -euo pipefail
          login=$(curl -sS --fail-with-body -H "authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \\
            "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=${query}" |
            jq '{token: .value, namespaces: ["${namespace}"]}' |
            curl -sS --fail-with-body -H "content-type: application/json" --data-binary @- \\
              ${url}/api/v1/oidc/exchange) || { echo "$login" >&2; exit 1; }
          jq -r .password <<< "$login" | docker login ${host} -u oidc --password-stdin
      - run: docker push "$IMAGE:$GITHUB_REF_NAME"
`;
}

/** A whole pipeline; its ID token holds as long as the job may take. */
export function gitlabSnippet({ host, audience, image }: Registry): string {
  return `# .gitlab-ci.yml
image:
  image: docker:28
  services: [docker:28-dind]
  rules: [{ if: $CI_COMMIT_TAG }]
  variables: { IMAGE: "${host}/${image}" }
  id_tokens: { ID_TOKEN: { aud: "${audience}" } }
  script:
    - docker build -t "$IMAGE:$CI_COMMIT_TAG" .
    - echo "$ID_TOKEN" | docker login ${host} -u oidc --password-stdin
    - docker push "$IMAGE:$CI_COMMIT_TAG"
`;
}

export function oidcSnippet({ url, host, audience, namespace }: Registry): string {
  return `Get an ID token for the audience ${audience} and give it to standard input of

    docker login ${host} -u oidc --password-stdin

or, when it would end too early, exchange it first: POST ${url}/api/v1/oidc/exchange
{"token": "…", "namespaces": ["${namespace}"]} answers {"username", "password", …} for docker login, or says why not.
`;
}
