// An HTTP/2 server without TLS (Node's own). Prints its port.
import { createServer } from "node:http2";

const server = createServer();
server.on("sessionError", () => {});
server.on("stream", (stream) => {
  stream.on("error", () => {});
  stream.on("data", () => {});
  stream.respond({ ":status": 200, "content-type": "text/plain" });
  stream.end("hello, this is a response of some length\n");
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
