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

/** A whole workflow. The action (action/action.yml) logs in, and gives the name by which layers of any size are pushed. */
export function githubSnippet({ url, host, audience, namespace, image }: Registry): string {
  const registry = url === `https://${host}` ? host : url;
  const inputs = [
    `registry: ${quoted(registry)}`,
    `namespaces: ${namespace}`,
    ...(audience === url ? [] : [`audience: ${quoted(audience)}`]),
  ];
  return `# .github/workflows/release.yml
on: { push: { tags: ["v*"] } }
permissions: { contents: read, id-token: write }
jobs:
  image:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - id: slipway
        uses: slipway-registry/slipway/action@main
        with: { ${inputs.join(", ")} }
      - run: docker build --tag "$IMAGE" --push .
        env: { IMAGE: "\${{ steps.slipway.outputs.proxy }}/${image}:\${{ github.ref_name }}" }
`;
}

/** A colon, a comma or a brace would mean something to YAML. */
function quoted(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : JSON.stringify(text);
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
