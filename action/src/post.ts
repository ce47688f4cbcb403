/** The step's end, whether the job succeeded or not: undoes what `main` did. It fails no job. */
import { revoke } from "../../src/cli/remote/oidc.ts";
import { logOut } from "./docker.ts";
import { linesOf, stopProxy } from "./proxy.ts";
import { savedState, showLines, warn } from "./runner.ts";

const { hosts, credential, proxy } = savedState() ?? { hosts: [], credential: null, proxy: null };

if (proxy !== null) {
  await orWarn(async () => {
    const ran = await stopProxy(proxy.pid);
    if (!ran) warn("the proxy had ended before the job did: its log says why");
    showLines("The proxy's last lines", linesOf(proxy.log));
  });
}
for (const host of hosts) await orWarn(() => logOut(host));
if (credential !== null) await orWarn(() => revoke(credential.registry, credential.password));

async function orWarn(undo: () => Promise<void>): Promise<void> {
  try {
    await undo();
  } catch (error) {
    warn(error);
  }
}
