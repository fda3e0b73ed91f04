// Starts server.js, and again when something in `code` changes. Node's own --watch loses a file that another one replaces.
const { fork } = require("node:child_process");
const { watch } = require("node:fs");

/** What belongs to one save comes within this many milliseconds. */
const QUIET_MS = 20;
let child = fork("server.js");
let timer;
let ending = false;

function restart() {
  if (ending) return;
  ending = true;
  const start = () => {
    ending = false;
    child = fork("server.js");
  };
  if (child.exitCode !== null) return start();
  child.once("exit", start);
  child.kill();
}

watch("code", () => {
  clearTimeout(timer);
  timer = setTimeout(restart, QUIET_MS);
});
process.on("SIGTERM", () => {
  child.kill();
  process.exit(0);
});
