// Tells each request it sees, and how long its body was. Node's own server, as it comes.
import { createServer } from "node:http";

const server = createServer((request, response) => {
  const name = `${request.method} ${request.url}`;
  console.log(`begin ${name}`);
  let length = 0;
  request.on("data", (bytes) => {
    length += bytes.length;
  });
  request.on("error", () => {});
  request.on("end", () => {
    console.log(`end ${name} ${length}`);
    response.end(`${name} ${length}`);
  });
});
server.listen(0, "127.0.0.1", () => console.log(`port ${server.address().port}`));
