#!/usr/local/bin/node
// The service of the matrix in JavaScript, for an interpreter with a dynamic C library; main.go is the same in Go.
const http = require("node:http");
const { readFileSync, writeFileSync } = require("node:fs");

function read(path) {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "none";
  }
}

const id = `uid=${process.getuid()} gid=${process.getgid()}`;
switch (process.argv[2]) {
  case "id":
    console.log(id);
    process.exit(0);
  case "check":
    console.log("this check fails");
    process.exit(3);
}
const start = read("start.txt");
let own = "may not write here";
try {
  writeFileSync("own.txt", start);
  own = "writes here";
} catch {}
const server = http.createServer((_, response) => response.end(`${start}, ${read("public/a.txt")}, ${id}, ${own}`));
server.listen(Number(process.env.PORT ?? 8080), () => console.log(start, "listens"));
process.on("SIGTERM", () => process.exit(0));
