/**
 * A room is a mount namespace in which the clients of one Debian release run: the machine's own
 * root, or a tree of another release made its root by pivot_root (runc refuses to work in a plain
 * chroot). The network is the machine's. All mounts that engines and clients make stay in the room
 * and go with it; storage, settings and caches of container tools on the machine are not touched.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { atEnd } from "./cleanup.ts";
import { attempt, run, sleep, startService, type Result, type RunOptions } from "./shell.ts";

export interface Room {
  suite: string;
  /** The process that owns the mount namespace. */
  pid: number;
  work: string;
  /** Puts a command into the room. */
  enter: (argv: string[], cwd?: string) => string[];
  run(argv: string[], options?: RunOptions): Promise<Result>;
  attempt(argv: string[], options?: RunOptions): Promise<Result>;
}

export interface RoomPlan {
  suite: string;
  /** The root of another release; undefined for the machine's own. */
  tree?: string;
  /** Folders visible in the rootfs at the same path: the work folder first. */
  shared: string[];
  /** A registry on plain HTTP that podman and its kin may use. */
  insecure?: string;
}

/** Common to both kinds: a fresh /run and containers storage, no half-mounted cgroup hierarchy. */
const FURNISH = `
mount -t tmpfs tmpfs /run
mkdir -p /var/lib/containers /etc/containers
mount --bind "$ROOM/storage" /var/lib/containers
mount --bind "$ROOM/settings" /etc/containers
# runc and crun refuse a machine that has both cgroup versions mounted.
if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi
echo furnished
# Stays until the suite closes the pipe or dies; then the namespace goes, and all mounts in it.
exec cat
`;

/** An overlay keeps the tree in the cache as it was installed. */
const MOVE = `
mkdir -p "$ROOM/upper"
mount -t tmpfs tmpfs "$ROOM/upper"
mkdir "$ROOM/upper/changes" "$ROOM/upper/work" "$ROOM/upper/root"
root="$ROOM/upper/root"
mount -t overlay overlay -o "lowerdir=$TREE,upperdir=$ROOM/upper/changes,workdir=$ROOM/upper/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
for folder in "$@"; do
  mkdir -p "$root$folder"
  mount --bind "$folder" "$root$folder"
done
mkdir "$root/old"
cd "$root"
pivot_root . old
cd /
umount -l /old
`;

export async function openRoom(plan: RoomPlan): Promise<Room> {
  const [work = ""] = plan.shared;
  const home = join(work, plan.suite);
  await mkdir(join(home, "storage"), { recursive: true });
  await writeSettings(join(home, "settings"), plan.insecure);
  const script = `set -e\n${plan.tree === undefined ? "" : MOVE}${FURNISH}`;
  const log = join(home, "room.log");
  const holder = startService(
    ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", ...plan.shared],
    log,
    { env: { ROOM: home, TREE: plan.tree ?? "" }, holdInput: true },
  );
  atEnd(`close the ${plan.suite} room`, () => holder.stop(5));
  for (let waited = 0; !(await readFile(log, "utf8").catch(() => "")).includes("furnished");) {
    if (!holder.alive() || waited > 10_000) {
      throw new Error(`no mount namespace for ${plan.suite}: ${await readFile(log, "utf8")}`);
    }
    await sleep(20);
    waited += 20;
  }
  const enter = (argv: string[], cwd = home) => [
    "nsenter",
    "--target",
    `${holder.pid}`,
    "--mount",
    "--",
    "env",
    `--chdir=${cwd}`,
    ...argv,
  ];
  return {
    suite: plan.suite,
    pid: holder.pid,
    work: home,
    enter,
    run: (argv, options) => run(enter(argv, options?.cwd), options),
    attempt: (argv, options) => attempt(enter(argv, options?.cwd), options),
  };
}

async function writeSettings(folder: string, insecure: string | undefined): Promise<void> {
  await mkdir(folder, { recursive: true });
  // Limits below any machine's hard ones, and the one runtime that every release has.
  const engine =
    '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n';
  const containers = '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n';
  await writeFile(join(folder, "containers.conf"), containers + engine);
  await writeFile(join(folder, "storage.conf"), '[storage]\ndriver = "overlay"\n' + STORAGE);
  const plain =
    insecure === undefined ? "" : `[[registry]]\nlocation = "${insecure}"\ninsecure = true\n`;
  await writeFile(join(folder, "registries.conf"), `unqualified-search-registries = []\n${plain}`);
  const accept = { default: [{ type: "insecureAcceptAnything" }] };
  await writeFile(join(folder, "policy.json"), JSON.stringify(accept));
}

const STORAGE = 'runroot = "/run/containers/storage"\ngraphroot = "/var/lib/containers/storage"\n';
