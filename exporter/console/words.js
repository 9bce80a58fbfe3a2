// SPDX-License-Identifier: Apache-2.0
// Numbers and times as people read them.

const kPage = 4096;
const kMinute = 60, kHour = 3600, kDay = 86400;
const items = new Intl.NumberFormat("en");

/** In the resource's unit; pages and bytes as KiB, MiB, GiB, to three digits. */
export function amount(unit, value) {
  if (value === null || value === undefined) return "unlimited";
  if (unit === "items") return items.format(value);
  let bytes = value * (unit === "pages" ? kPage : 1), at = 0;
  const names = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  while (bytes >= 1024 && at + 1 < names.length) { bytes /= 1024; ++at; }
  const digits = bytes >= 100 || Number.isInteger(bytes) ? 0 : bytes >= 10 ? 1 : 2;
  return `${bytes.toFixed(digits)} ${names[at]}`;
}

export const percent = (value) => `${value >= 9.995 ? ">999" : Math.floor(Math.round(value * 10000) / 100)}%`;

/** How bad: full is refused, and nearly full soon will be. */
export const severity = (value) => (value === null || value === undefined ? "none" : value >= 0.9 ? "hot" : value >= 0.75 ? "warm" : "calm");

export function ago(seconds) {
  if (seconds < 5) return "just now";
  if (seconds < 2 * kMinute) return `${Math.floor(seconds)} s ago`;
  if (seconds < 2 * kHour) return `${Math.floor(seconds / kMinute)} min ago`;
  if (seconds < 2 * kDay) return `${Math.floor(seconds / kHour)} h ago`;
  return `${Math.floor(seconds / kDay)} days ago`;
}
export const agoOf = (time) => ago(Math.max(0, (Date.now() - Date.parse(time)) / 1000));

export function span(seconds) {
  if (seconds < kHour) return `${Math.max(1, Math.floor(seconds / kMinute))} min`;
  if (seconds < kDay) return `${Math.floor(seconds / kHour)} h ${Math.floor((seconds % kHour) / kMinute)} min`;
  return `${Math.floor(seconds / kDay)} d ${Math.floor((seconds % kDay) / kHour)} h`;
}

export const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], {hour: "2-digit", minute: "2-digit"});
export const count = (value) => items.format(value);
export const plural = (value, one, many = `${one}s`) => `${items.format(value)} ${value === 1 ? one : many}`;
export const nameOf = (container) => container.name || `${container.id}`;

/** "barrier:limit" as ubctl set takes it, of what may be null. */
export const pairOf = (barrier, limit) => `${barrier ?? "unlimited"}:${limit ?? "unlimited"}`;

/** What refuses first: the barrier, or the limit where the barrier is 0 or not below it. */
export const boundOf = (row) => (row.barrier !== null && row.barrier !== 0 && (row.limit === null || row.barrier < row.limit) ? row.barrier : row.limit);

/** What of each resource there is to say in three words. */
export const meanings = {
  kmemsize: "kernel memory", lockedpages: "locked memory", privvmpages: "private memory", shmpages: "shared memory", numproc: "processes and threads",
  physpages: "RAM in use", vmguarpages: "guaranteed memory", oomguarpages: "memory safe from the OOM killer", numtcpsock: "TCP sockets",
  numflock: "file locks", numpty: "terminals", numsiginfo: "queued signals", tcpsndbuf: "TCP send buffers", tcprcvbuf: "TCP receive buffers",
  othersockbuf: "other send buffers", dgramrcvbuf: "datagram buffers", numothersock: "other sockets", numfile: "open files", swappages: "swap",
  numinotify: "inotify instances", numwatch: "inotify watches", nummsgqueue: "message queues", numsemset: "semaphore sets", numuserns: "user namespaces",
  nummount: "mounts", numbpf: "BPF maps and programs",
};
