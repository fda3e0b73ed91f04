// Asks URL with the headers of a JSON object; prints the answer's body, or the error's code.
const http = require("node:http");
const [url, headers] = process.argv.slice(2);
const request = http.get(url, { agent: false, headers: JSON.parse(headers), timeout: 5000 }, (response) => {
  let body = "";
  response.on("data", (part) => (body += part));
  response.on("end", () => console.log(response.statusCode === 200 ? body : JSON.stringify({ status: response.statusCode })));
});
request.on("timeout", () => request.destroy(Object.assign(new Error("timeout"), { code: "TIMEOUT" })));
request.on("error", (error) => console.log(JSON.stringify({ error: error.code })));
