/** The clients of the suite: where each comes from and which table of steps it runs. */
import type { Bench, Client } from "./client.ts";
import { buildah } from "./buildah.ts";
import { cosign } from "./cosign.ts";
import { crane } from "./crane.ts";
import { ctr } from "./ctr.ts";
import { docker } from "./docker.ts";
import { helm } from "./helm.ts";
import { oras } from "./oras.ts";
import { podman } from "./podman.ts";
import { regctl } from "./regctl.ts";
import { skopeo } from "./skopeo.ts";

export interface Listing {
  id: string;
  /** The Debian release whose package it is. */
  suite?: string;
  /** The Go module that it's built from. */
  tool?: string;
  open: (bench: Bench) => Client | Promise<Client>;
}

const debian = (name: string, suite: string, open: Listing["open"]): Listing => ({
  id: `${name}@${suite}`,
  suite,
  open,
});

const goTool = (tool: string, open: Listing["open"]): Listing => ({ id: tool, tool, open });

export const CLIENTS: Listing[] = [
  debian("docker", "bookworm", docker("overlay2")),
  debian("docker", "trixie", docker("overlay2")),
  debian("docker", "testing", docker("overlay2")),
  debian("docker-containerd", "trixie", docker("containerd")),
  debian("docker-containerd", "testing", docker("containerd")),
  debian("ctr", "bookworm", ctr),
  debian("ctr", "trixie", ctr),
  debian("ctr", "testing", ctr),
  debian("skopeo", "bookworm", skopeo),
  debian("skopeo", "trixie", skopeo),
  debian("skopeo", "testing", skopeo),
  debian("podman", "bookworm", podman),
  debian("podman", "trixie", podman),
  debian("podman", "testing", podman),
  debian("buildah", "bookworm", buildah),
  debian("buildah", "trixie", buildah),
  debian("buildah", "testing", buildah),
  goTool("crane", crane),
  goTool("oras", oras),
  goTool("regctl", regctl),
  goTool("helm", helm),
  goTool("cosign", cosign),
];

/** "podman" names it in all releases, "podman@trixie" in one, and "@trixie" all of that release. */
export function matches({ id }: Listing, names: string[]): boolean {
  return names.some(
    (name) =>
      id === name || id.startsWith(`${name}@`) || (name.startsWith("@") && id.endsWith(name)),
  );
}
