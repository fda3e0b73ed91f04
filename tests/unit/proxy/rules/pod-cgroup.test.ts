import { expect, test } from "bun:test";
import { memberOfCgroup } from "../../../../proxy/rules/pod-cgroup.ts";

const UID = "0b6c8a4e-51c3-4b6e-9c4d-4a7a3f6f2b10";
const OTHER = "11111111-2222-3333-4444-555555555555";
const UNDERSCORED = UID.replaceAll("-", "_");

test.each([
  [
    "cgroupfs, cgroup v1",
    `12:cpu:/kubepods/burstable/pod${UID}/c0ffee\n11:pids:/kubepods/burstable/pod${UID}/c0ffee\n`,
  ],
  ["cgroupfs, guaranteed", `0::/kubepods/pod${UID}/c0ffee\n`],
  [
    "systemd, cgroup v2",
    `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UNDERSCORED}.slice/cri-containerd-c0ffee.scope\n`,
  ],
  ["systemd, guaranteed", `0::/kubepods.slice/kubepods-pod${UNDERSCORED}.slice/crio-c0ffee.scope\n`],
  ["another cgroup namespace", `0::/../../../besteffort/pod${UID}/c0ffee\n`],
  [
    "another cgroup namespace under systemd",
    `0::/../../kubepods-besteffort-pod${UNDERSCORED}.slice/cri-containerd-c0ffee.scope\n`,
  ],
  ["a node that is a container itself", `0::/docker/abc/kubelet/kubepods/besteffort/pod${UID}/c0ffee\n`],
  ["a hierarchy that knows no pods before one that does", `2:name=systemd:/\n1:memory:/kubepods/pod${UID}/c0ffee\n`],
  ["a folder of the pod's own below", `0::/kubepods/pod${UID}/c0ffee/pod${OTHER}\n`],
])("memberOfCgroup() finds the pod: %s", (_, text) => {
  expect(memberOfCgroup(text)?.pod).toBe(UID);
  expect(memberOfCgroup(text)?.container).toContain("c0ffee");
});

test.each([
  ["the node's own", "0::/system.slice/kubelet.service\n"],
  ["ourselves", "0::/\n"],
  ["a name that only looks like one", `0::/user.slice/notpod${UID}\n0::/pod123\n`],
  ["nothing", ""],
])("memberOfCgroup() finds none: %s", (_, text) => {
  expect(memberOfCgroup(text)).toBeUndefined();
});
