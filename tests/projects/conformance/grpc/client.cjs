// One interoperability case on grpc-js: `client.js PORT CASE`. Ends with 0 when it passed.
const assert = require("node:assert/strict");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const [, , port, name] = process.argv;
const testing = grpc.loadPackageDefinition(
  loader.loadSync(`${__dirname}/test.proto`, { keepCase: true, defaults: true }),
).grpc.testing;
const client = new testing.TestService(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
const { status } = grpc;

const payload = (size) => ({ type: 0, body: Buffer.alloc(size) });
const REQUESTS = [27_182, 8, 1_828, 45_904];
const RESPONSES = [31_415, 9, 2_653, 58_979];
const LARGE = { response_size: 314_159, payload: payload(271_828) };

function unary(method, request, { metadata = new grpc.Metadata(), of = client } = {}) {
  return new Promise((resolve) => {
    let initial;
    let value;
    const call = of[method](request, metadata, (error, response) => {
      value = response;
      if (error && !call) resolve({ error });
    });
    call.on("metadata", (fields) => (initial = fields));
    call.on("status", (end) => setImmediate(() => resolve({ value, initial, status: end })));
  });
}

/** Reads a call to its end; `each` sees every message. */
function finished(call, each = () => {}) {
  return new Promise((resolve) => {
    const sizes = [];
    let initial;
    call.on("metadata", (fields) => (initial = fields));
    call.on("data", (message) => {
      sizes.push(message.payload.body.length);
      each(sizes.length);
    });
    call.on("error", () => {});
    call.on("status", (end) => resolve({ sizes, initial, status: end }));
  });
}

function echoed() {
  const metadata = new grpc.Metadata();
  metadata.set("x-grpc-test-echo-initial", "test_initial_metadata_value");
  metadata.set("x-grpc-test-echo-trailing-bin", Buffer.from("ababab", "hex"));
  return metadata;
}

function assertEchoed({ initial, status: end }) {
  assert.deepEqual(initial.get("x-grpc-test-echo-initial"), ["test_initial_metadata_value"]);
  assert.deepEqual(end.metadata.get("x-grpc-test-echo-trailing-bin"), [Buffer.from("ababab", "hex")]);
}

async function assertStatus(message) {
  const response_status = { code: 2, message };
  const one = await unary("UnaryCall", { response_status });
  assert.deepEqual([one.status.code, one.status.details], [2, message]);
  const call = client.FullDuplexCall();
  const end = finished(call);
  call.write({ response_status });
  call.end();
  const duplex = await end;
  assert.deepEqual([duplex.status.code, duplex.status.details], [2, message]);
}

const CASES = {
  empty_unary: async () => assert.equal((await unary("EmptyCall", {})).status.code, status.OK),
  large_unary: async () => assert.equal((await unary("UnaryCall", LARGE)).value.payload.body.length, 314_159),
  client_streaming: () =>
    new Promise((resolve, reject) => {
      const call = client.StreamingInputCall((error, response) => {
        if (error) reject(error);
        else resolve(assert.equal(response.aggregated_payload_size, 74_922));
      });
      for (const size of REQUESTS) call.write({ payload: payload(size) });
      call.end();
    }),
  server_streaming: async () => {
    const call = client.StreamingOutputCall({ response_parameters: RESPONSES.map((size) => ({ size })) });
    const { sizes, status: end } = await finished(call);
    assert.deepEqual([sizes, end.code], [RESPONSES, status.OK]);
  },
  ping_pong: async () => {
    const call = client.FullDuplexCall();
    const next = (count) => {
      if (count === REQUESTS.length) call.end();
      else call.write({ response_parameters: [{ size: RESPONSES[count] }], payload: payload(REQUESTS[count]) });
    };
    const end = finished(call, next);
    next(0);
    assert.deepEqual((await end).sizes, RESPONSES);
  },
  empty_stream: async () => {
    const call = client.FullDuplexCall();
    const end = finished(call);
    call.end();
    const { sizes, status: last } = await end;
    assert.deepEqual([sizes, last.code], [[], status.OK]);
  },
  custom_metadata: async () => {
    assertEchoed(await unary("UnaryCall", LARGE, { metadata: echoed() }));
    const call = client.FullDuplexCall(echoed());
    const end = finished(call);
    call.write({ response_parameters: [{ size: 314_159 }], payload: payload(271_828) });
    call.end();
    assertEchoed(await end);
  },
  status_code_and_message: () => assertStatus("test status message"),
  special_status_message: () => assertStatus("\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"),
  unimplemented_method: async () =>
    assert.equal((await unary("UnimplementedCall", {})).status.code, status.UNIMPLEMENTED),
  unimplemented_service: async () => {
    const of = new testing.UnimplementedService(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    assert.equal((await unary("UnimplementedCall", {}, { of })).status.code, status.UNIMPLEMENTED);
    of.close();
  },
  cancel_after_begin: () =>
    new Promise((resolve) => {
      const call = client.StreamingInputCall((error) => resolve(assert.equal(error?.code, status.CANCELLED)));
      setImmediate(() => call.cancel());
    }),
  cancel_after_first_response: async () => {
    const call = client.FullDuplexCall();
    const end = finished(call, () => call.cancel());
    call.write({ response_parameters: [{ size: 31_415 }], payload: payload(27_182) });
    assert.equal((await end).status.code, status.CANCELLED);
  },
  timeout_on_sleeping_server: async () => {
    const call = client.FullDuplexCall({ deadline: Date.now() + 1 });
    const end = finished(call);
    call.write({ payload: payload(27_182) });
    assert.equal((await end).status.code, status.DEADLINE_EXCEEDED);
  },
};

CASES[name]().then(
  () => client.close(),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
