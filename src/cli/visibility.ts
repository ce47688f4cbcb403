import { Option } from "commander";

/** Public: everyone may pull. */
export function visibilityOption(): Option {
  const option = new Option("--visibility <who>", "who may pull: everyone, or members alone");
  return option.choices(["public", "private"]);
}
