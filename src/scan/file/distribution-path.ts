/**
 * Directories for packages of a language that Debian's packages install, and nothing else may (Python Policy § 3.1.1, and what
 * its Node.js and Ruby teams do). Their versions are upstream's, but Debian repairs them in place, so an advisory of the
 * language's registry would be wrong of them: the advisories of Debian are what holds, by dpkg's database.
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
