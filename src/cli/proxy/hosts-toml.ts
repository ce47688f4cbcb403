/**
 * The file by which containerd, and Docker from 29 on with its image store, reach the registry through the proxy under
 * its real name: containerd, docs/hosts.md.
 * @param authorization the header for a proxy that holds the credential: these clients send theirs to the host alone that
 * it was stored for
 */
export function hostsToml(registry: string, port: number, authorization: string | null): string {
  const { host } = new URL(registry);
  const header =
    authorization === null
      ? ""
      : `  [host."http://127.0.0.1:${port}".header]
    authorization = ["${authorization}"]
`;
  return `# /etc/containerd/certs.d/${host}/hosts.toml, or for Docker 29 and newer
# /etc/docker/certs.d/${host}/hosts.toml
server = "${registry}"
[host."http://127.0.0.1:${port}"]
  capabilities = ["pull", "resolve", "push"]
${header}`;
}
