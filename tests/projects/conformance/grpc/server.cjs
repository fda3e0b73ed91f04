// The interoperability service on grpc-js. Prints its port.
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const { TestService } = grpc.loadPackageDefinition(
  loader.loadSync(`${__dirname}/test.proto`, { keepCase: true, defaults: true }),
).grpc.testing;

const payload = (size) => ({ type: 0, body: Buffer.alloc(size) });

function echo(call) {
  const initial = call.metadata.get("x-grpc-test-echo-initial");
  if (initial.length > 0) {
    const metadata = new grpc.Metadata();
    metadata.set("x-grpc-test-echo-initial", initial[0]);
    call.sendMetadata(metadata);
  }
  const trailing = new grpc.Metadata();
  const [value] = call.metadata.get("x-grpc-test-echo-trailing-bin");
  if (value !== undefined) trailing.set("x-grpc-test-echo-trailing-bin", value);
  return trailing;
}

const failure = ({ code, message }, metadata) => Object.assign(new Error(message), { code, details: message, metadata });

const server = new grpc.Server();
server.addService(TestService.service, {
  EmptyCall: (call, done) => done(null, {}, echo(call)),
  UnaryCall: (call, done) => {
    const trailing = echo(call);
    const { response_status: status, response_size: size } = call.request;
    if (status?.code) done(failure(status, trailing));
    else done(null, { payload: payload(size) }, trailing);
  },
  StreamingOutputCall: (call) => {
    for (const { size } of call.request.response_parameters) call.write({ payload: payload(size) });
    call.end(echo(call));
  },
  StreamingInputCall: (call, done) => {
    let sum = 0;
    call.on("data", (message) => (sum += message.payload.body.length));
    call.on("end", () => done(null, { aggregated_payload_size: sum }));
  },
  FullDuplexCall: (call) => {
    const trailing = echo(call);
    call.on("data", (message) => {
      if (message.response_status?.code) call.emit("error", failure(message.response_status, trailing));
      else for (const { size } of message.response_parameters) call.write({ payload: payload(size) });
    });
    call.on("end", () => call.end(trailing));
  },
});
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(port);
});
