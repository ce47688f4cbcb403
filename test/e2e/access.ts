/** The steps about rights: the same for every client, each with its own commands. */
import type { Registry } from "./registry.ts";
import { step, type Step } from "./client.ts";
import { CommandFailure, expectRefusal, type Result } from "./shell.ts";

const UNAUTHORIZED =
  /unauthorized|authentication required|not authorized|invalid username|denied|no basic auth credentials|\b401\b/i;

/** Logs in with a wrong password first, so that the client stores the right one. */
export function loginSteps(
  registry: Registry,
  login: (password: string) => Promise<Result>,
): Step[] {
  return [
    step("refusal", "a wrong password is refused", [], async () =>
      expectRefusal(await login(`not-${registry.password}`), UNAUTHORIZED),
    ),
    step("login", "log in", [], async () => {
      const result = await login(registry.password);
      if (result.code !== 0) throw new CommandFailure(result);
    }),
  ];
}

export function anonymousStep(pull: () => Promise<Result>): Step {
  return step("refusal", "an anonymous pull is refused with a message", ["push"], async () =>
    expectRefusal(await pull(), UNAUTHORIZED),
  );
}

/** Steps for clients whose login only stores the password: its first use shows whether it is right. */
export function keptLoginSteps(
  registry: Registry,
  login: (password: string, who: string) => Promise<Result>,
  use: (who: string) => Promise<Result>,
): Step[] {
  return [
    step("refusal", "a wrong password is refused when it is used", [], async () => {
      await login(`not-${registry.password}`, "impostor");
      expectRefusal(await use("impostor"), UNAUTHORIZED);
    }),
    step("login", "log in", [], async () => {
      const result = await login(registry.password, "admin");
      if (result.code !== 0) throw new CommandFailure(result);
    }),
  ];
}
