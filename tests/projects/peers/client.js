// node client.js CASE TARGET: prints the result of one case as JSON. What hangs is ended and said.
const cases = { ...require("./tcp-client.js"), ...require("./http-client.js") };
const [name, target] = process.argv.slice(2);

function finish(result) {
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}

setTimeout(() => finish("hung"), name === "refused" ? 4_000 : 30_000);
cases[name](JSON.parse(target)).then(finish, (error) => finish(`failed: ${error.code ?? error.message}`));
