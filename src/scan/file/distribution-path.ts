/**
 * Directories for packages of a language that Debian's packages install, and nothing else may (Debian Python Policy, and what its
 * Node.js and Ruby teams do). Debian repairs them without another version of upstream, so that an advisory of the language's
 * registry would be wrong of them. Those of Debian hold, by dpkg's database.
 */
const DIRECTORIES = [
  "usr/lib/python3/dist-packages/",
  "usr/lib/nodejs/",
  "usr/share/nodejs/",
  "usr/share/rubygems-integration/",
];

/** Tells whether a file of a language's package is part of a distribution's package. */
export function isOfDistribution(path: string): boolean {
  return DIRECTORIES.some((directory) => path.startsWith(directory));
}
