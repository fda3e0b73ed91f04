// node follow.js URL SPACE: asks without a pause until SIGTERM, then prints each different answer and how often it came.
const http = require("node:http");
const [url, space] = process.argv.slice(2);
const counts = {};

function ask() {
  return new Promise((resolve) => {
    const request = http.get(url, { agent: false, headers: { "azds-route-as": space } }, async (answer) => {
      let body = "";
      for await (const part of answer) body += part;
      resolve(`${answer.statusCode} ${body}`);
    });
    request.on("error", (error) => resolve(error.code));
  });
}

let last = false;
process.on("SIGTERM", () => (last = true));

(async () => {
  console.log("following");
  while (!last) {
    const answer = await ask();
    counts[answer] = (counts[answer] ?? 0) + 1;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  console.log(JSON.stringify(counts));
})();
