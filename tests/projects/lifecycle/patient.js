// Holds no socket, and while it shuts down opens one only after some seconds.
const https = require("node:https");

setInterval(() => {}, 1e6);
process.on("SIGTERM", () => {
  setTimeout(() => {
    const request = https.get("https://kubernetes.default/version", { rejectUnauthorized: false }, () => {
      console.log("last: answered");
      process.exit(0);
    });
    request.on("error", (error) => {
      console.log(`last: ${error.code}`);
      process.exit(0);
    });
  }, 5_000);
});
