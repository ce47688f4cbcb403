import type { PackageType } from "../../../src/scan/package.ts";

/**
 * Versions of each type in ascending order; those on one line are equal. Each pair of them is compared, so 25 lines are 300 pairs
 * and more. They are made from the rules of the reference, which the comment names.
 */
export const LADDERS: Readonly<Record<Exclude<PackageType, "generic">, string>> = {
  // apk-tools: src/version.c. A digit with a leading zero is compared as text, but not the first one.
  apk: `
    garbage _alpha -r1
    0 00
    0.0
    0.01
    0.1
    0.9.9
    1.0_alpha
    1.0_alpha1
    1.0_alpha2_pre1
    1.0_alpha2
    1.0_alpha10
    1.0_beta
    1.0_pre20240101
    1.0_rc1-r9
    1.0_rc1_p1
    1.0_rc2
    1.0?
    1.0 01.0
    1.0-r0 1.0-r00
    1.0-r1
    1.0-r10
    1.0~0abc
    1.0~1abc-r0
    1.0_cvs
    1.0_svn1
    1.0_git
    1.0_git20240101
    1.0_hg
    1.0_p
    1.0_p1
    1.0_p1-r1
    1.0a
    1.0a_p1
    1.0bc
    1.0b
    1.0.0
    1.0.1
    1.09
    1.1
    1.2-r3
    1.10
    2
    10
    99999999999999999999999`,
  // Debian Policy § 5.6.12.
  deb: `
    ~~
    ~~a
    ~
    "" 0 0:0 0-0 -0 00:00-00
    0.1~~
    0.1~
    0.1 0:0.1-0 0.1-00 0.01
    0.1-1~bpo1
    0.1-1 0:0.1-01
    0.1-1+b1
    0.1-1.1
    0.1-2
    0.1-10
    0.1a
    0.1z
    0.1+dfsg-1
    0.1-1-1
    0.1.1~
    0.1.1
    0.2
    0.10
    1.0~beta1~svn1245-1
    1.0~beta1-1
    1.0
    1.0-1ubuntu0.1
    1.0-1ubuntu1
    1.0a
    1.0+git20240101
    1.0.
    9
    10
    1:0.1
    1:9
    2:0
    99999999999999999999:0`,
  // rpm: docs/man/rpm-version.7. A tilde is before the end, a caret after it, a word before a number.
  rpm: `
    ~
    "" . 0: -
    ^
    a
    a1
    b
    0 0-. 00
    0-0
    1.0~~
    1.0~alpha
    1.0~rc1~git1
    1.0~rc1
    1.0~rc2
    1.0~1
    1.0-~1
    1.0 1_0 01.00 0:1.0 1.0.
    1.0-1 1.0-01
    1.0-1.el9
    1.0-1.1
    1.0-2.el9
    1.0-10.el9
    1.0^~
    1.0^
    1.0^git1~pre
    1.0^git1
    1.0^git2
    1.0^20240101
    1.0a
    1.0aa
    1.0b
    1.0.rc1
    1.0.1
    1.1
    1.9
    1.10
    2
    2a
    1:0.5
    1:1.0-1
    10:0`,
  // semver.org § 11, its own example, and npm's leniency.
  npm: semverLadder("v1.0.0 =1.0.0 1.0.0+build 1.0.0+a.b"),
  cargo: semverLadder("1.0.0+build"),
  // go.dev/ref/mod#versions: "v", pseudo-versions, "+incompatible"; the standard library has the versions of Go.
  golang: semverLadder("v1.0.0 v1.0.0+incompatible go1.0"),
  // PEP 440, "Summary of permitted suffixes and relative ordering".
  pypi: `
    1.x
    garbage
    0.dev0
    0 0.0 v0
    0.1a
    0.1
    1.dev0 1.0.dev 1-dev
    1.dev1
    1.0a1.dev1
    1.0a1 1.0-alpha.1 1.0ALPHA1
    1.0a2
    1.0a2.post1.dev1
    1.0a2.post1
    1.0a10
    1.0b1 1.0.beta-1
    1.0rc1 1.0c1 1.0-preview_1 1.0pre1
    1.0rc2
    1.0 1 1.0.0 v1.0
    1.0+a
    1.0+a.1 1.0+A-1 1.0+a_1
    1.0+b
    1.0+1
    1.0+1.a
    1.0+1.1
    1.0+10
    1.0.post0.dev1
    1.0.post0 1.0-post 1.0-0 1.0rev
    1.0.post1 1.0-1 1.0r1
    1.0.post10
    1.0.1
    1.1
    1.2
    1.10
    2
    2024.1
    1!0.1
    1!1
    2!0`,
  // maven.apache.org/pom.html#Version_Order_Specification.
  maven: `
    alpha-1
    0 "" 0.0 final ga 0-ga
    0.0.1
    1-alpha
    1-alpha-1 1.0-alpha1 1a1 1.0.0-ALPHA-1
    1-alpha-2 1-a2
    1-alpha-10
    1-beta
    1-beta-1 1b1
    1-milestone-1 1m1
    1-rc 1.0-cr
    1-rc1 1-cr1 1.0-rc-1
    1-rc2
    1-snapshot 1.0-SNAPSHOT
    1 1.0 1.0.0 1-ga 1-final 1.0.Final 1.0-RELEASE 1-0
    1-sp
    1-sp-1 1sp1
    1-sp2
    1-a
    1-abc 1.abc
    1-android
    1-jre
    1-xyz-1
    1-1-snapshot
    1-1 1.0-1
    1-2
    1.0.0.1-rc1
    1.0.0.1
    1.0.1
    1.1
    1.9
    1.10
    1.99999999999999999999
    2-rc1
    2
    10`,
  // Gem::Version: a word is before the end and before numbers.
  gem: `
    a 0.a
    0 "" 0.0 00
    0.0.1
    0.1
    1.a
    1.0.0.a.1 1.a.1
    1.0.0.b
    1.0.0.b1
    1.0.0.b2
    1.0.0.b10
    1.0.0-1 1.pre.1
    1.0.0.pre.2
    1.0.0.rc1
    1.0.0.rc2
    1 1.0 1.0.0 01
    1.0.1.a
    1.0.1
    1.0.10
    1.1.rc1
    1.1 1.1.0
    1.2
    1.9
    1.10
    1.10.1
    2.0.a
    2
    10.0`,
  // Composer's VersionParser and PHP's version_compare.
  composer: `
    dev-main dev-other
    0-dev
    0 0.0 0.0.0.0 v0
    0.1
    1.0-foo
    1.0-dev 1.0.0-dev
    1.0-alpha 1.0.0.0-ALPHA 1.0-a
    1.0-alpha1 1.0.0alpha1 1.0.0-alpha.1
    1.0-alpha2
    1.0-alpha10
    1.0-beta 1.0-b
    1.0-beta1
    1.0-beta2
    1.0-RC
    1.0-RC1 v1.0.0-rc1 1.0.0.0-RC.1
    1.0-RC2
    1.0 1 v1.0.0 1.0-stable 1.0.0.0 1.0+build
    1.0-p1 1.0-patch1 1.0-pl1
    1.0-p2
    1.0.0.1
    1.0.1-dev
    1.0.1
    1.0.10
    1.1
    1.2
    1.10
    2.0-beta1
    2
    10
    20240101`,
  // learn.microsoft.com/nuget/concepts/package-versioning: four numbers, and case does not count.
  nuget: `
    0-a
    0 0.0.0.0
    0.0.0.1
    1.0.0-1
    1.0.0-2
    1.0.0-10
    1.0.0-alpha 1.0-Alpha
    1.0.0-alpha.1 1.0.0-ALPHA.1
    1.0.0-alpha.beta
    1.0.0-alpha1
    1.0.0-beta
    1.0.0-beta.2
    1.0.0-beta.11
    1.0.0-rc.1
    1.0.0-rc.1.1
    1.0.0-rc-1
    1 1.0 1.0.0 1.0.0.0 1.0.0+sha 01.00
    1.0.0.1-a
    1.0.0.1
    1.0.0.10
    1.0.1-beta
    1.0.1
    1.1
    1.2
    1.10
    2.0-preview1
    2
    10`,
};

function semverLadder(ofRelease: string): string {
  return `
    0.0.0-0
    0 0.0.0
    0.0.0.1
    0.0.1
    0.1.0
    0.10
    1.0.0-0
    1.0.0-1
    1.0.0-2
    1.0.0-10
    1.0.0--
    1.0.0-1a
    1.0.0-A
    1.0.0-alpha
    1.0.0-alpha.1
    1.0.0-alpha.beta
    1.0.0-beta
    1.0.0-beta.2
    1.0.0-beta.11
    1.0.0-rc.1
    1.0.0-rc.1.1
    1.0.0 1 1.0 1.0.0.0 ${ofRelease}
    1.0.1-0.20240101000000-abcdefabcdef
    1.0.1
    1.2.3
    1.10.0
    2.0.0-x
    2.0.0
    99999999999999999999.0.0`;
}
