import { type ComponentChildren, createContext } from "preact";
import { useCallback, useContext, useEffect, useMemo, useState } from "preact/hooks";
import type { Me } from "../../api/schema/accounts.ts";
import { matches } from "../../oci/glob.ts";
import { ApiError, call } from "../api/client.ts";

/** Who uses the console; `me` is null for a visitor, undefined until it is known. */
export interface Session {
  readonly me: Me | null | undefined;
  /** @throws ApiError for a wrong name or password */
  readonly signIn: (name: string, password: string) => Promise<void>;
  readonly signOut: () => Promise<void>;
}

const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error("there is no session around");
  return session;
}

export function SessionProvider({ children }: { children: ComponentChildren }) {
  const [me, setMe] = useState<Me | null | undefined>(undefined);
  const read = useCallback(async () => {
    try {
      setMe(await call<Me>("/me"));
    } catch (error) {
      // An ended session is none; without an answer the pages show what is public, and their own errors.
      if (!(error instanceof ApiError) && !(error instanceof TypeError)) throw error;
      setMe(null);
    }
  }, []);
  useEffect(() => {
    // The page tells whether there is a cookie, which scripts cannot see.
    const tag = document.querySelector<HTMLMetaElement>('meta[name="slipway-session"]');
    if (tag?.content === "yes") void read();
    else setMe(null);
  }, [read]);
  const session = useMemo<Session>(
    () => ({
      me,
      async signIn(name, password) {
        await call("/sessions", { method: "POST", body: { name, password } });
        await read();
      },
      async signOut() {
        await call("/sessions/current", { method: "DELETE" });
        setMe(null);
      },
    }),
    [me, read],
  );
  return <SessionContext.Provider value={session}>{children}</SessionContext.Provider>;
}

type Role = Me["roles"][number]["role"];
const ORDER: readonly Role[] = ["reader", "writer", "maintainer", "owner"];

/**
 * Returns whether the caller has at least this role on a repository, or on a namespace, which is "acme/": pages offer
 * what the caller may do. The API decides.
 */
export function hasRole(me: Me | null | undefined, role: Role, on: string): boolean {
  if (!me) return false;
  if (me.admin) return true;
  // A repository of one component is in the namespace of its own name, as in auth/policy/access.ts.
  const target = on.includes("/") ? on : `${on}/`;
  return me.roles.some(
    (given) =>
      ORDER.indexOf(given.role) >= ORDER.indexOf(role) &&
      (given.repositories === on || matches(given.repositories, target)),
  );
}
