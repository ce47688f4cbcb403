/** How each client pulls an image. */
import type { MessageKey } from "../../i18n/i18n.ts";

/** What is pulled: a tag, or a digest. */
interface Source {
  readonly host: string;
  readonly name: string;
  readonly tag: string | null;
  readonly digest: string | null;
}

interface Client {
  readonly title: string;
  readonly command: (source: Source) => string;
  readonly hint?: MessageKey;
}

const pulling = (words: string) => (source: Source) => `${words} ${referenceOf(source)}`;

export const CLIENTS = {
  docker: { title: "Docker", command: pulling("docker pull") },
  podman: { title: "Podman", command: pulling("podman pull") },
  nerdctl: { title: "nerdctl", command: pulling("nerdctl pull") },
  ctr: { title: "ctr (containerd)", command: pulling("ctr images pull") },
  crictl: { title: "crictl", command: pulling("crictl pull") },
  kubernetes: { title: "Kubernetes", command: kubernetes, hint: "hintKubernetes" },
  helm: { title: "Helm", command: helm, hint: "hintHelm" },
  oras: { title: "ORAS", command: pulling("oras pull") },
  cosign: {
    title: "cosign",
    command: pulling("cosign verify --key cosign.pub"),
    hint: "hintCosign",
  },
} as const satisfies Readonly<Record<string, Client>>;
export type ClientName = keyof typeof CLIENTS;

export function isClientName(text: string | null): text is ClientName {
  return text !== null && Object.hasOwn(CLIENTS, text);
}

function referenceOf({ host, name, tag, digest }: Source): string {
  return tag === null ? `${host}/${name}@${digest ?? ""}` : `${host}/${name}:${tag}`;
}

/** A chart's tag is its version; helm pulls by digest too (https://helm.sh/docs/topics/registries/). */
function helm(source: Source): string {
  const { host, name, tag } = source;
  return tag === null
    ? `helm pull oci://${referenceOf(source)}`
    : `helm pull oci://${host}/${name} --version ${tag.replaceAll("_", "+")}`;
}

/** The secret is made of what `docker login` wrote, so that no password stands in a command line. */
function kubernetes(source: Source): string {
  const secret = "slipway";
  return `# docker login ${source.host}
# kubectl create secret generic ${secret} --type=kubernetes.io/dockerconfigjson \\
#   --from-file=.dockerconfigjson=$HOME/.docker/config.json
apiVersion: v1
kind: Pod
metadata:
  name: ${source.name.slice(source.name.lastIndexOf("/") + 1).replaceAll(/[._]+/g, "-")}
spec:
  containers:
    - name: main
      image: ${referenceOf(source)}
  imagePullSecrets:
    - name: ${secret}`;
}
