import { type ComponentChildren, createContext } from "preact";
import { useCallback, useContext, useEffect, useMemo, useState } from "preact/hooks";
import type { Me } from "../../api/schema/accounts.ts";
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

/** Returns whether the caller has at least this role on a repository or a namespace ("acme/"), as the console knows. */
export function hasRole(
  me: Me | null | undefined,
  role: Me["roles"][number]["role"],
  on: string,
): boolean {
  if (!me) return false;
  if (me.admin) return true;
  const order = ["reader", "writer", "maintainer", "owner"];
  return me.roles.some(
    (given) => order.indexOf(given.role) >= order.indexOf(role) && fits(given.repositories, on),
  );
}

/** Compares by a glob whose `*` stands for any characters. A right on a namespace is one on all in it. */
function fits(pattern: string, on: string): boolean {
  const text = on.includes("/") ? on : `${on}/`;
  const parts = pattern.split("*").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return pattern === on || new RegExp(`^${parts.join(".*")}$`).test(text);
}
