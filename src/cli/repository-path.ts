import { isRepositoryName } from "../oci/reference.ts";
import { CliError } from "./error.ts";

/** The API's path of a repository: its name's slashes are the path's. */
export function repositoryPath(name: string): string {
  if (isRepositoryName(name)) return `/repositories/${name}`;
  throw new CliError(`"${name}" is no repository's name: write it as acme/app`);
}
