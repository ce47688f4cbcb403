/** CPU time and memory of other processes: from /proc where there is one, else from ps. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  readonly cpuSeconds: number;
}

export interface Memory {
  /** Bytes resident now. */
  readonly resident: number;
  /** The highest value ever, or since `resetPeak`; without /proc the current one. */
  readonly peak: number;
}

const HAS_PROC = process.platform === "linux";
/** USER_HZ, the unit of times in /proc: 100 in every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** A process and all that descend from it. */
export function processTree(root: number): Process[] {
  const all = allProcesses();
  const found = all.filter(({ pid }) => pid === root);
  for (const { pid } of found) found.push(...all.filter(({ parent }) => parent === pid));
  return found;
}

/**
 * Returns the CPU seconds that the processes have used in total.
 * @throws when one has ended: miniflare restarts a crashed workerd without a message
 */
export function cpuSeconds(pids: readonly number[]): number {
  const processes = HAS_PROC
    ? pids.flatMap((pid) => readProcess(pid) ?? [])
    : allProcesses().filter(({ pid }) => pids.includes(pid));
  if (processes.length < pids.length) throw new Error("a process of the server has ended");
  return processes.reduce((sum, one) => sum + one.cpuSeconds, 0);
}

export function memoryOf(pid: number): Memory {
  if (!HAS_PROC) {
    const resident = 1024 * Number(ps(["-o", "rss=", "-p", String(pid)]));
    return { resident, peak: resident };
  }
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kilobytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? Number.NaN);
  return { resident: 1024 * kilobytes("VmRSS"), peak: 1024 * kilobytes("VmHWM") };
}

/** Resets the kernel's peak of a process's memory; where that is not allowed, the peak is since its start. */
export function resetPeak(pid: number): void {
  try {
    if (HAS_PROC) writeFileSync(`/proc/${pid}/clear_refs`, "5");
  } catch {
    // Some containers forbid it.
  }
}

function allProcesses(): Process[] {
  if (HAS_PROC) {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    return pids.flatMap((pid) => readProcess(Number(pid)) ?? []);
  }
  return ps(["-axo", "pid=,ppid=,time=,comm="])
    .split("\n")
    .flatMap((line) => {
      const [, pid, parent, time, name] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
      if (time === undefined || name === undefined) return [];
      const cpu = time.split(":").reduce((sum, field) => 60 * sum + Number(field), 0);
      return { pid: Number(pid), parent: Number(parent), name: basename(name), cpuSeconds: cpu };
    });
}

/** @returns undefined for a process that has ended */
function readProcess(pid: number): Process | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name stands in parentheses and may hold any character, so the fields are counted from its end.
    const end = stat.lastIndexOf(")");
    const fields = stat.slice(end + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    const name = stat.slice(stat.indexOf("(") + 1, end);
    if (fields[0] === "Z") return undefined;
    return { pid, parent: Number(fields[1]), name, cpuSeconds: ticks / TICKS_PER_SECOND };
  } catch {
    return undefined;
  }
}

function ps(options: readonly string[]): string {
  return execFileSync("ps", options, { encoding: "utf8" });
}
