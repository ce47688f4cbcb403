import type { Command } from "commander";
import { connect } from "./connection.ts";
import { bytes, type Columns, Output, time } from "./output.ts";
import { repositoryPath } from "./repository-path.ts";

interface Manifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly artifactType: string | null;
  readonly size: number;
  readonly platforms: readonly string[];
  readonly tags: readonly string[];
  readonly createdAt: string;
}

const COLUMNS: Columns<Manifest> = {
  DIGEST: ({ digest }) => digest,
  TYPE: ({ artifactType, mediaType }) => artifactType ?? mediaType,
  SIZE: ({ size }) => bytes(size),
  PLATFORMS: ({ platforms }) => platforms.join(","),
  "CREATED (UTC)": ({ createdAt }) => time(createdAt),
  TAGS: ({ tags }) => tags.join(","),
};

export function addManifestCommands(program: Command): void {
  const manifest = program.command("manifest").description("The manifests of a repository.");
  manifest
    .command("list")
    .description("Its images, indexes and artifacts, also those without a tag.")
    .argument("<repository>")
    .action(listManifests);
}

async function listManifests(repository: string, _options: object, command: Command) {
  const api = await connect(command);
  const items = api.list<Manifest>(`${repositoryPath(repository)}/-/manifests`);
  const none = `${repository} has no manifests.`;
  await new Output(command).list({ items, columns: COLUMNS, none });
}
