import type { Api } from "./api.ts";
import type { Me } from "../api/schema/accounts.ts";

export function whoAmI(api: Api): Promise<Me> {
  return api.get<Me>("/me");
}
