import type { TrustRule } from "../../../api/schema/namespaces.ts";
import type { Scope } from "../../components/scopes.tsx";
import { presetOf, type PresetName, PRESETS } from "./presets.ts";

/** A trust rule as its form has it. */
export interface Draft {
  readonly name: string;
  readonly issuer: string;
  readonly audience: string;
  /** Claims with their globs, separated by spaces; those without a glob are left out. */
  readonly claims: readonly DraftClaim[];
  readonly scopes: readonly Scope[];
  readonly minutes: string;
}

export interface DraftClaim {
  readonly claim: string;
  readonly globs: string;
}

const DEFAULT_MINUTES = 15;

/** A draft that asks for what the preset's tokens have. */
export function newDraft(preset: PresetName, namespace: string): Draft {
  return {
    name: preset === "other" ? "ci" : preset,
    issuer: PRESETS[preset].issuer,
    audience: `https://${location.host}`,
    claims: PRESETS[preset].claims.map(({ claim }) => ({ claim, globs: "" })),
    scopes: [{ repositories: `${namespace}/*`, actions: ["push"] }],
    minutes: String(DEFAULT_MINUTES),
  };
}

/** A draft of a rule that there is: first the claims that the form knows of its issuer, then the others. */
export function draftOf({ name, issuer, audience, claims, scopes, lifetime }: TrustRule): Draft {
  const known = PRESETS[presetOf(issuer)].claims.map(({ claim }): string => claim);
  const others = Object.keys(claims).filter((claim) => !known.includes(claim));
  return {
    name,
    issuer,
    audience,
    claims: [...known, ...others].map((claim) => ({
      claim,
      globs: (claims[claim] ?? []).join(" "),
    })),
    scopes,
    minutes: String(lifetime / 60),
  };
}

/** Writes the rule that a draft says, as the API takes it. */
export function ruleOf({ name, issuer, audience, claims, scopes, minutes }: Draft) {
  const given = claims
    .map(({ claim, globs }) => [claim, globs.split(/\s+/).filter((glob) => glob !== "")] as const)
    .filter(([claim, globs]) => claim !== "" && globs.length > 0);
  return {
    name,
    issuer,
    audience,
    claims: Object.fromEntries<TrustRule["claims"][string]>(given),
    scopes: [...scopes],
    lifetime: Number(minutes) * 60,
  };
}

/** Writes what a draft changes of a rule. A claim whose text is as it was keeps its globs: one may have a blank in it. */
export function changeOf(draft: Draft, rule: TrustRule) {
  const { name: _, claims, ...rest } = ruleOf(draft);
  const kept = Object.entries(claims).map(([claim, globs]) => {
    const before = rule.claims[claim] ?? [];
    return [claim, textOf(before) === textOf(globs) ? before : globs] as const;
  });
  return { ...rest, claims: Object.fromEntries<TrustRule["claims"][string]>(kept) };
}

function textOf(globs: readonly string[]): string {
  return globs.join(" ").trim().split(/\s+/).join(" ");
}
