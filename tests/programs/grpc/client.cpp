// grpc_client HOST:PORT ACT [NUMBER]: one act of a client by libgrpc++, told in a line.
//
// unary, fail, list, collect, chat, large (NUMBER MiB), many (NUMBER calls at a time), gzip,
// cancel, deadline. peer.py does the same by grpcio, peer.js by grpc-js.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "peer.grpc.pb.h"

namespace {

using mishap::test::Note;
using mishap::test::Peer;
using mishap::test::Summary;
using Clock = std::chrono::steady_clock;

const char* const kCodes[] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

/// Of transport errors only the code can be compared.
std::string told(const grpc::Status& status, const std::string& got) {
  if (status.ok()) return "OK " + got;
  std::string text = kCodes[status.error_code()];
  const bool of_the_server = status.error_code() == grpc::StatusCode::INVALID_ARGUMENT;
  if (of_the_server) text += " " + status.error_message();
  return got.empty() ? text : text + " after " + got;
}

std::string metadata(const std::multimap<grpc::string_ref, grpc::string_ref>& from,
                     const char* name) {
  auto found = from.find(name);
  return found == from.end() ? "" : std::string(found->second.data(), found->second.size());
}

std::string unary(Peer::Stub& stub, const std::string& text) {
  grpc::ClientContext context;
  Note note, answer;
  note.set_text(text);
  grpc::Status status = stub.Echo(&context, note, &answer);
  if (!status.ok()) return told(status, "");
  return told(status, answer.text() + ", head " +
                          metadata(context.GetServerInitialMetadata(), "x-head") + ", trailer " +
                          metadata(context.GetServerTrailingMetadata(), "x-trailer"));
}

std::string list(Peer::Stub& stub, int count) {
  grpc::ClientContext context;
  Note note, answer;
  note.set_number(count);
  auto reader = stub.List(&context, note);
  int64_t got = 0;
  while (reader->Read(&answer)) {
    if (answer.number() != ++got) return "out of order";
  }
  return told(reader->Finish(), std::to_string(got));
}

std::string collect(Peer::Stub& stub, int count) {
  grpc::ClientContext context;
  Summary summary;
  auto writer = stub.Collect(&context, &summary);
  Note note;
  note.set_payload(std::string(1000, 'x'));
  for (int i = 0; i < count && writer->Write(note); ++i) {
  }
  writer->WritesDone();
  grpc::Status status = writer->Finish();
  if (!status.ok()) return told(status, "");
  return told(status, std::to_string(summary.count()) + " of " + std::to_string(summary.bytes()));
}

std::string chat(Peer::Stub& stub, int count) {
  grpc::ClientContext context;
  auto stream = stub.Chat(&context);
  Note note, answer;
  int got = 0;
  for (; got < count; ++got) {
    note.set_number(got);
    if (!stream->Write(note) || !stream->Read(&answer) || answer.number() != got) break;
  }
  stream->WritesDone();
  return told(stream->Finish(), std::to_string(got));
}

std::string large(Peer::Stub& stub, int mebibytes) {
  grpc::ClientContext context;
  Note note, answer;
  std::string payload(static_cast<size_t>(mebibytes) << 20, '\0');
  for (size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(i * 2654435761U >> 13);
  note.set_payload(payload);
  grpc::Status status = stub.Echo(&context, note, &answer);
  if (status.ok() && answer.payload() != payload) return "another payload";
  return told(status, std::to_string(answer.payload().size()));
}

/// All at once on one connection; which took longest, and how long the others took at most.
std::string many(Peer::Stub& stub, int count) {
  struct Call {
    grpc::ClientContext context;
    Note answer;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<Note>> reader;
    Clock::duration took{};
  };
  grpc::CompletionQueue queue;
  std::vector<Call> calls(static_cast<size_t>(count));
  const auto begin = Clock::now();
  for (int i = 0; i < count; ++i) {
    Call& call = calls[static_cast<size_t>(i)];
    Note note;
    note.set_text(i == count / 2 ? "special" : "note");
    note.set_number(i);
    if (i == count / 2) call.context.AddMetadata("x-special", "yes");
    call.reader = stub.AsyncEcho(&call.context, note, &queue);
    call.reader->Finish(&call.answer, &call.status, &call);
  }
  for (int i = 0; i < count; ++i) {
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    static_cast<Call*>(tag)->took = Clock::now() - begin;
  }
  int good = 0;
  auto in_ms = [](Clock::duration d) {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
  };
  Clock::duration others{};
  for (int i = 0; i < count; ++i) {
    const Call& call = calls[static_cast<size_t>(i)];
    if (call.status.ok() && call.answer.number() == i) ++good;
    if (i != count / 2) others = std::max(others, call.took);
  }
  return "OK " + std::to_string(good) + " special " +
         in_ms(calls[static_cast<size_t>(count / 2)].took) + " others " + in_ms(others);
}

std::string gzip(Peer::Stub& stub) {
  grpc::ClientContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  context.AddMetadata("x-gzip", "yes");
  Note note, answer;
  note.set_text(std::string(100'000, 'z'));
  grpc::Status status = stub.Echo(&context, note, &answer);
  return told(status, std::to_string(answer.text().size()));
}

std::string cancel(Peer::Stub& stub) {
  grpc::ClientContext context;
  Note note, answer;
  note.set_text("sleep 10000");
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    context.TryCancel();
  });
  grpc::Status status = stub.Echo(&context, note, &answer);
  later.join();
  return told(status, "");
}

std::string deadline(Peer::Stub& stub) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(300));
  Note note, answer;
  note.set_text("sleep 10000");
  return told(stub.Echo(&context, note, &answer), "");
}

std::string act(Peer::Stub& stub, const std::string& what, int number) {
  if (what == "unary") return unary(stub, "hello");
  if (what == "fail") return unary(stub, "fail");
  if (what == "list") return list(stub, number);
  if (what == "collect") return collect(stub, number);
  if (what == "chat") return chat(stub, number);
  if (what == "large") return large(stub, number);
  if (what == "many") return many(stub, number);
  if (what == "gzip") return gzip(stub);
  if (what == "cancel") return cancel(stub);
  if (what == "deadline") return deadline(stub);
  return "unknown act";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: grpc_client HOST:PORT ACT [NUMBER]\n";
    return 2;
  }
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  auto channel = grpc::CreateCustomChannel(argv[1], grpc::InsecureChannelCredentials(), arguments);
  auto stub = Peer::NewStub(channel);
  std::cout << act(*stub, argv[2], argc > 3 ? std::atoi(argv[3]) : 10) << std::endl;
}
