// node peer.js client HOST:PORT ACT [NUMBER] | server PORT: client.cpp and server.cpp by grpc-js. NODE_PATH has @grpc/grpc-js and
// @grpc/proto-loader, which are no package of the distribution; PEER_PROTO is the path of peer.proto.
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const definition = loader.loadSync(process.env.PEER_PROTO, { keepCase: true, longs: Number, defaults: true, enums: String });
const Peer = grpc.loadPackageDefinition(definition).mishap.test.Peer;
const LIMITS = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

function told(error, got) {
  let text = grpc.status[error.code];
  if (error.code === grpc.status.INVALID_ARGUMENT) text += " " + error.details;
  return got ? `${text} after ${got}` : text;
}

function value(metadata, name) {
  return metadata === undefined ? "" : (metadata.get(name)[0] ?? "");
}

function unary(stub, note, options, show) {
  return new Promise((done) => {
    let head;
    let trailer;
    let got;
    const call = stub.Echo(note, new grpc.Metadata(), options, (error, answer) => { got = [error, answer]; });
    call.on("metadata", (metadata) => { head = metadata; });
    call.on("status", (status) => {
      trailer = status.metadata;
      setImmediate(() => done(got[0] ? told(got[0]) : `OK ${show(got[1], head, trailer)}`));
    });
  });
}

const hello = (answer, head, trailer) => `${answer.text}, head ${value(head, "x-head")}, trailer ${value(trailer, "x-trailer")}`;

const acts = {
  unary: (stub) => unary(stub, { text: "hello" }, {}, hello),
  fail: (stub) => unary(stub, { text: "fail" }, {}, hello),
  large: (stub, number) => {
    const payload = Buffer.alloc(number << 20, "0123456789abcdef");
    return unary(stub, { payload }, {}, (answer) => (payload.equals(answer.payload) ? answer.payload.length : "another payload"));
  },
  gzip: (stub) => unary(stub, { text: "z".repeat(100000) }, {}, (answer) => answer.text.length),
  deadline: (stub) => unary(stub, { text: "sleep 10000" }, { deadline: Date.now() + 300 }, hello),
  cancel: (stub) => new Promise((done) => {
    const call = stub.Echo({ text: "sleep 10000" }, (error) => done(told(error)));
    setTimeout(() => call.cancel(), 200);
  }),
  list: (stub, number) => new Promise((done) => {
    let got = 0;
    const call = stub.List({ number });
    call.on("data", (note) => { if (note.number !== ++got) done("out of order"); });
    call.on("error", (error) => done(told(error, String(got))));
    call.on("end", () => done(`OK ${got}`));
  }),
  collect: (stub, number) => new Promise((done) => {
    const call = stub.Collect((error, summary) => done(error ? told(error) : `OK ${summary.count} of ${summary.bytes}`));
    for (let i = 0; i < number; i++) call.write({ payload: Buffer.alloc(1000) });
    call.end();
  }),
  chat: (stub, number) => new Promise((done) => {
    let got = 0;
    const call = stub.Chat();
    call.on("data", (note) => {
      if (note.number !== got) done("out of order");
      if (++got === number) call.end();
      else call.write({ number: got });
    });
    call.on("error", (error) => done(told(error, String(got))));
    call.on("end", () => done(`OK ${got}`));
    call.write({ number: 0 });
  }),
  many: async (stub, number) => {
    const begin = Date.now();
    const took = [];
    let good = 0;
    await Promise.all([...Array(number).keys()].map((i) => new Promise((done) => {
      const special = i === number >> 1;
      const metadata = new grpc.Metadata();
      if (special) metadata.set("x-special", "yes");
      stub.Echo({ text: special ? "special" : "note", number: i }, metadata, (error, answer) => {
        if (!error && answer.number === i) good++;
        took[i] = Date.now() - begin;
        done();
      });
    })));
    const [special] = took.splice(number >> 1, 1);
    return `OK ${good} special ${special} others ${Math.max(...took)}`;
  },
};

async function client(address, act, number) {
  const options = { ...LIMITS };
  if (act === "gzip") options["grpc.default_compression_algorithm"] = 2;
  const stub = new Peer(address, grpc.credentials.createInsecure(), options);
  console.log(await acts[act](stub, Number(number ?? 10)));
  stub.close();
}

function behave(call, note, then) {
  const head = new grpc.Metadata();
  head.set("x-head", "of the server");
  call.sendMetadata(head);
  const trailer = new grpc.Metadata();
  trailer.set("x-trailer", "of the server");
  if (note.text === "fail") return then({ code: grpc.status.INVALID_ARGUMENT, details: "as was asked: 100% ü" }, trailer);
  if (!note.text.startsWith("sleep ")) return then(null, trailer);
  const timer = setTimeout(() => then(null, trailer), Number(note.text.slice(6)));
  call.on("cancelled", () => { clearTimeout(timer); console.log("cancelled"); });
}

function server(port) {
  const made = new grpc.Server({ ...LIMITS, "grpc.default_compression_algorithm": 2 });
  made.addService(Peer.service, {
    Echo: (call, answer) => {
      console.log(`echo ${call.request.text.slice(0, 40)}`);
      behave(call, call.request, (error, trailer) => (error ? answer(error) : answer(null, call.request, trailer)));
    },
    List: (call) => {
      for (let i = 1; i <= call.request.number; i++) call.write({ ...call.request, number: i });
      call.end();
    },
    Collect: (call, answer) => {
      const summary = { count: 0, bytes: 0 };
      call.on("data", (note) => { summary.count++; summary.bytes += note.payload.length; });
      call.on("end", () => answer(null, summary));
    },
    Chat: (call) => {
      call.on("data", (note) => call.write(note));
      call.on("end", () => call.end());
    },
  });
  made.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), (error, bound) => console.log(`port ${bound}`));
}

({ client, server })[process.argv[2]](...process.argv.slice(3));
