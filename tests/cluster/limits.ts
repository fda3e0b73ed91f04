/** Bounds of every wait in the test cluster, in milliseconds. They end a hang with a message; nothing is measured against them. */
export const API_READY_MS = 60_000;
export const NODE_READY_MS = 60_000;
export const DNS_READY_MS = 60_000;
export const CONTAINERD_READY_MS = 20_000;
export const DOCKER_READY_MS = 30_000;
export const PROCESS_START_MS = 10_000;
export const PROCESSES_END_MS = 60_000;
export const CGROUP_REMOVE_MS = 10_000;
/** A cold build of every program on two cores takes nine minutes; the second checkout waits for the first. */
export const BUILD_LOCK_MS = 40 * 60_000;
/** `up` and `down` in one checkout: the longest is a cold `up`. */
export const CLUSTER_LOCK_MS = 45 * 60_000;

/** How often a state is looked at while waiting for it. */
export const POLL_MS = 50;

/** Lines of a log or of a program's output shown in an error. */
export const ERROR_LINES_MAX = 15;
