/**
 * Which pod a process belongs to, by the text of its /proc/PID/cgroup (cgroups(7)). The kubelet names the folder of a
 * pod after its UID, in one of two ways by its `cgroupDriver`:
 *
 *     cgroupfs  /kubepods/burstable/pod<uid>/<container>
 *     systemd   /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid, `_` for `-`>.slice/<container>.scope
 *
 * Seen from another cgroup namespace the path begins with `..`, and the node may itself be a container.
 */
const POD =
  /^(?:kubepods-(?:burstable-|besteffort-)?)?pod(?<uid>[0-9a-f]{8}(?:[-_]?[0-9a-f]{4}){3}[-_]?[0-9a-f]{12})(?:\.slice)?$/;

export interface PodMember {
  /** UID of the pod. */
  readonly pod: string;
  /** Name of the folder of its container. */
  readonly container: string;
}

/**
 * `undefined` for a process of no pod. The outermost folder counts: what lies below it is the pod's own to name.
 * On cgroup v1 each line is a hierarchy of its own, and the first that knows says it.
 */
export function memberOfCgroup(text: string): PodMember | undefined {
  for (const line of text.split("\n")) {
    const folders = line.split(":").slice(2).join(":").split("/");
    const at = folders.findIndex((folder) => POD.test(folder));
    const uid = POD.exec(folders[at] ?? "")?.groups?.["uid"];
    if (uid !== undefined) return { pod: uid.replaceAll("_", "-"), container: folders[at + 1] ?? "" };
  }
  return undefined;
}
