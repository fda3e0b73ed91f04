/** Dialogues of protocols that begin as HTTP does, or whose server speaks first: all pass as they are. */
import { afterEach, describe, expect, test } from "bun:test";
import { serveHttp } from "../../../../proxy/http/exchange.ts";
import { serveHttp2 } from "../../../../proxy/http2/client-connection.ts";
import { look } from "../../../../proxy/http/first-look.ts";
import { front, rawClient, rawServer } from "../raw-peers.ts";

/** One side's words, then the other's, in turns. */
interface Dialogue {
  readonly name: string;
  readonly first: "client" | "server";
  readonly lines: readonly string[];
}

const DIALOGUES: readonly Dialogue[] = [
  {
    name: "Redis, inline commands",
    first: "client",
    lines: ["PING\r\n", "+PONG\r\n", "SET a 1\r\n", "+OK\r\n", "GET a\r\n", "$1\r\n1\r\n"],
  },
  {
    name: "STOMP",
    first: "client",
    lines: [
      "CONNECT\naccept-version:1.2\nhost:x\n\n\0",
      "CONNECTED\nversion:1.2\n\n\0",
      "SEND\ndestination:/queue/a\n\nhello\0",
      "MESSAGE\ndestination:/queue/a\n\nhello\0",
    ],
  },
  {
    name: "memcached",
    first: "client",
    lines: ["set a 0 0 5\r\nhello\r\n", "STORED\r\n", "get a\r\n", "VALUE a 0 5\r\nhello\r\nEND\r\n", "quit\r\n"],
  },
  {
    name: "SMTP",
    first: "server",
    lines: ["220 mail ESMTP\r\n", "EHLO x\r\n", "250-mail\r\n250 SIZE\r\n", "QUIT\r\n", "221 bye\r\n"],
  },
  { name: "FTP", first: "server", lines: ["220 ready\r\n", "USER x\r\n", "331 password\r\n"] },
  {
    name: "RTSP",
    first: "client",
    lines: ["OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"],
  },
  { name: "SIP", first: "client", lines: ["OPTIONS sip:a@x SIP/2.0\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n"] },
  { name: "an HTTP/0.9 request", first: "client", lines: ["GET /\r\n", "<p>hello"] },
  {
    name: "words of a protocol of one's own",
    first: "client",
    lines: ["HELLO world, all of it\n", "hi\n", "BYE\n", "bye\n"],
  },
];

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
});

describe("look() relays", () => {
  for (const dialogue of DIALOGUES) {
    test(dialogue.name, async () => {
      const heard = { client: "", server: "" };
      const [ofServer, ofClient] = dialogue.first === "server" ? [0, 1] : [1, 0];
      const said = (side: number): string => dialogue.lines.filter((_, index) => index % 2 === side).join("");
      const server = await rawServer((socket) => {
        const speak = (): unknown => socket.write(next(dialogue.lines, ofServer, heard.server), "latin1");
        socket.on("data", (bytes) => {
          heard.server += bytes.toString("latin1");
          speak();
        });
        if (ofServer === 0) speak();
      });
      cleanup.push(server.close);
      const client = await rawClient(looking(server));
      const speak = (): unknown => client.socket.write(next(dialogue.lines, ofClient, heard.client), "latin1");
      client.socket.on("data", (bytes) => {
        heard.client += bytes.toString("latin1");
        speak();
      });
      if (ofClient === 0) speak();
      await client.until(said(ofServer));
      client.socket.destroy();
      expect(heard.client).toBe(said(ofServer));
    });
  }
});

/** The line of `side` that follows what was heard so far, where that is whole lines of the other side; else nothing. */
function next(lines: readonly string[], side: number, heard: string): string {
  let before = "";
  for (const [index, line] of lines.entries()) {
    if (index % 2 !== side) before += line;
    else if (before === heard) return line;
  }
  return "";
}

function looking(original: { readonly address: string; readonly port: number }): number {
  const policy = { decide: () => ({ kind: "forward" as const, targets: [original] }), unreachable: () => undefined };
  const listening = front((client) =>
    look({
      client,
      original,
      declared: false,
      patient: true,
      http: (input, spare) => serveHttp({ client, input, spare, policy }),
      http2: (input, spare) => serveHttp2({ client, input, spare, policy }),
      relayed: () => {},
    }),
  );
  cleanup.push(listening.stop);
  return listening.port;
}
