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

/**
 * The UID; `undefined` for a process of no pod. The outermost folder counts: what lies below it is the pod's own to name.
 * On cgroup v1 each line is a hierarchy of its own, and the first that knows says it.
 */
export function podOfCgroup(text: string): string | undefined {
  for (const line of text.split("\n")) {
    const path = line.split(":").slice(2).join(":");
    const uid = path
      .split("/")
      .map((folder) => POD.exec(folder)?.groups?.["uid"])
      .find((found) => found !== undefined);
    if (uid !== undefined) return uid.replaceAll("_", "-");
  }
  return undefined;
}
