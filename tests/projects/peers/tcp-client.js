// The other side of tcp-servers.js: each case resolves with what it saw.
const { createHash } = require("node:crypto");
const { once } = require("node:events");
const net = require("node:net");
const tls = require("node:tls");
const { readFileSync } = require("node:fs");
const bulk = require("./bulk.js");

async function wholeText(socket) {
  let text = "";
  for await (const bytes of socket) text += bytes.toString("latin1");
  return text;
}

/** Whether the server's bulk came as it was sent, and the text behind it. */
async function bulkAndText(socket, megabytes) {
  const hash = createHash("sha256");
  let received = 0;
  let rest = "";
  for await (const bytes of socket) {
    const own = bytes.subarray(0, Math.max(0, megabytes * 1_000_000 - received));
    hash.update(own);
    rest += bytes.subarray(own.length);
    received += bytes.length;
  }
  return { intact: hash.digest("hex") === bulk.digest(megabytes), rest };
}

module.exports = {
  /** The chain of trust and the name are checked; the fingerprint tells whose certificate it was. */
  tls: (target) =>
    new Promise((resolve, reject) => {
      const socket = tls.connect({ ...target, servername: "peers", ca: readFileSync("ca.crt") }, async () => {
        const { fingerprint256 } = socket.getPeerCertificate();
        socket.write("question");
        resolve({ fingerprint256, answer: await wholeText(socket) });
      });
      socket.on("error", reject);
    }),

  mysql: async (target) => {
    const socket = net.connect({ ...target, allowHalfOpen: true });
    const [greeting] = await once(socket, "data");
    socket.write("root");
    return { greeting: greeting.subarray(5, 11).toString(), answer: await wholeText(socket) };
  },

  redis: async (target) => {
    const socket = net.connect({ ...target, allowHalfOpen: true });
    let answers = "";
    for (let count = 1; count <= 3; count += 1) {
      socket.write("PING\r\n");
      const [bytes] = await once(socket, "data");
      answers += bytes;
    }
    socket.end("PING\r\nGET x\r\n");
    return answers + (await wholeText(socket));
  },

  duplex: async (target) => {
    const socket = net.connect({ ...target, allowHalfOpen: true });
    const sent = bulk.send(socket, 100).then(() => socket.end());
    const { intact, rest } = await bulkAndText(socket, 100);
    await sent;
    return { down: intact, up: rest === bulk.digest(100) };
  },

  halfClose: async (target) => {
    const socket = net.connect({ ...target, allowHalfOpen: true });
    socket.end("question");
    return bulkAndText(socket, 5);
  },

  /** The FIN is all the client ever sends. */
  onlyEnd: async (target) => bulkAndText(net.connect({ ...target, allowHalfOpen: true }).end(), 5),

  /** Bytes that came before the end, and how it ended. */
  refused: (target) =>
    new Promise((resolve) => {
      const socket = net.connect(target);
      socket.on("data", (bytes) => resolve(`received ${bytes}`));
      socket.on("error", (error) => resolve(error.code));
      socket.on("close", () => resolve("closed"));
    }),
};
