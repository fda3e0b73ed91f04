// Starts server.js, and again when something in `code` changes. Node's own --watch loses a file that another one replaces.
const { fork } = require("node:child_process");
const { watch } = require("node:fs");

/** What belongs to one save comes within this many milliseconds. */
const QUIET_MS = 20;
let child = fork("server.js");
let timer;

function restart() {
  const ended = child;
  const start = () => {
    child = fork("server.js");
  };
  if (ended.exitCode !== null) return start();
  ended.once("exit", start);
  ended.kill();
}

watch("code", () => {
  clearTimeout(timer);
  timer = setTimeout(restart, QUIET_MS);
});
process.on("SIGTERM", () => {
  child.kill();
  process.exit(0);
});
