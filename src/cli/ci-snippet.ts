/** What to paste into a CI's configuration, once the registry trusts its ID tokens. */

export interface Registry {
  /** Such as "https://registry.example.com". */
  readonly url: string;
  readonly host: string;
  /** What its ID tokens must be meant for. */
  readonly audience: string;
}

/** Steps of a GitHub Actions job. `shell: bash` is what makes a failure within a pipe one of the step. */
export function githubSnippet({ url, host, audience }: Registry): string {
  const request = `"$ACTIONS_ID_TOKEN_REQUEST_URL&audience=${encodeURIComponent(audience)}"`;
  const idToken = `curl -sSf -H "Authorization: Bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \\
            ${request}`;
  return `Paste into the job of the workflow that pushes:

    permissions:
      contents: read
      id-token: write
    steps:
      - name: Log in to ${host}
        shell: bash
        run: |
          ${idToken} |
            jq -r .value |
            docker login ${host} -u oidc --password-stdin

GitHub's ID token ends after a few minutes. If the job builds for longer between login and push,
exchange it for a login that holds as long as the rule says; the step is then:

      - name: Log in to ${host}
        shell: bash
        run: |
          ${idToken} |
            jq '{token: .value}' |
            curl -sSf -H "Content-Type: application/json" --data-binary @- \\
              ${url}/api/v1/oidc/exchange |
            jq -r .password |
            docker login ${host} -u oidc --password-stdin`;
}

/** A GitLab job's head; its ID token holds as long as the job may take. */
export function gitlabSnippet({ host, audience }: Registry): string {
  return `Paste into the job of .gitlab-ci.yml that pushes:

    id_tokens:
      SLIPWAY_ID_TOKEN:
        aud: ${audience}
    before_script:
      - printf %s "$SLIPWAY_ID_TOKEN" | docker login ${host} -u oidc --password-stdin`;
}

export function oidcSnippet({ url, host, audience }: Registry): string {
  return `Get an ID token for the audience ${audience} and give it to standard input of

    docker login ${host} -u oidc --password-stdin

or, when it would end too early, exchange it first: POST ${url}/api/v1/oidc/exchange {"token": "…"}
answers {"username", "password", …} for docker login.`;
}
