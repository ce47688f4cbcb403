import type { Api } from "./api.ts";
import type { Scope } from "./scope.ts";

/** The caller, as the registry knows it by the credentials. */
export interface Me {
  readonly name: string;
  readonly via: string;
  readonly admin: boolean;
  readonly roles: readonly { readonly repositories: string; readonly role: string }[];
  readonly scopes: readonly Scope[] | null;
  readonly expires: string | null;
}

export function whoAmI(api: Api): Promise<Me> {
  return api.get<Me>("/me");
}
