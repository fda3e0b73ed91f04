// The same bytes on both sides, so that each can tell whether what it got is what the other sent.
const { createHash } = require("node:crypto");

const BLOCK_BYTES = 1_000_000;

/** Blocks of 1 MB that all differ. */
function* blocks(count) {
  let block = createHash("sha512").update("azds").digest();
  while (block.length < BLOCK_BYTES) block = Buffer.concat([block, createHash("sha512").update(block).digest(), block]);
  for (let i = 0; i < count; i += 1) {
    const own = Buffer.from(block.subarray(0, BLOCK_BYTES));
    own.writeUInt32BE(i, (i * 9_973) % (BLOCK_BYTES - 4));
    yield own;
  }
}

function digest(megabytes) {
  const hash = createHash("sha256");
  for (const block of blocks(megabytes)) hash.update(block);
  return hash.digest("hex");
}

/** Writes at the pace of the reader; the socket stays open. */
async function send(socket, megabytes) {
  for (const block of blocks(megabytes)) {
    if (!socket.write(block)) await new Promise((resolve) => socket.once("drain", resolve));
  }
}

module.exports = { digest, send };
