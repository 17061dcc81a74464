// grpc_server PORT: the service of peer.proto by libgrpc++, with health and reflection;
// grpc_server_plain has neither. Prints the port once it listens. Compresses what it sends to
// clients that ask with metadata x-gzip. Within TLS where a cell gives it a certificate.
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>

#include <grpcpp/grpcpp.h>

#include "peer.grpc.pb.h"

namespace {

using grpc::ServerContext;
using grpc::Status;
using mishap::test::Note;
using mishap::test::Summary;

Status act(const Note& note, ServerContext* context) {
  context->AddInitialMetadata("x-head", "of the server");
  context->AddTrailingMetadata("x-trailer", "of the server");
  if (context->client_metadata().count("x-gzip") != 0)
    context->set_compression_algorithm(GRPC_COMPRESS_GZIP);
  if (note.text() == "fail") return {grpc::StatusCode::INVALID_ARGUMENT, "as was asked: 100% ü"};
  if (note.text().rfind("sleep ", 0) == 0) {
    auto end = std::chrono::steady_clock::now() +
               std::chrono::milliseconds(std::atoi(note.text().c_str() + 6));
    while (std::chrono::steady_clock::now() < end && !context->IsCancelled())
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (context->IsCancelled()) std::cout << "cancelled" << std::endl;
  }
  return Status::OK;
}

class Service final : public mishap::test::Peer::Service {
  Status Echo(ServerContext* context, const Note* note, Note* answer) override {
    std::cout << "echo " << note->text().substr(0, 40) << std::endl;
    *answer = *note;
    return act(*note, context);
  }
  Status List(ServerContext* context, const Note* note, grpc::ServerWriter<Note>* writer) override {
    Status status = act(*note, context);
    Note answer = *note;
    for (int i = 1; i <= note->number(); ++i) {
      answer.set_number(i);
      if (!writer->Write(answer)) break;
    }
    return status;
  }
  Status Collect(ServerContext* context, grpc::ServerReader<Note>* reader,
                 Summary* summary) override {
    Note note;
    Status status = Status::OK;
    for (bool first = true; reader->Read(&note); first = false) {
      if (first) status = act(note, context);
      summary->set_count(summary->count() + 1);
      summary->set_bytes(summary->bytes() + static_cast<int64_t>(note.payload().size()));
    }
    return status;
  }
  Status Chat(ServerContext* context, grpc::ServerReaderWriter<Note, Note>* stream) override {
    Note note;
    Status status = Status::OK;
    for (bool first = true; stream->Read(&note); first = false) {
      if (first) status = act(note, context);
      if (!stream->Write(note)) break;
    }
    return status;
  }
};

std::string file_of(const char* variable) {
  std::ifstream file(std::getenv(variable));
  return {std::istreambuf_iterator<char>(file), {}};
}

std::shared_ptr<grpc::ServerCredentials> credentials() {
  if (std::getenv("MISHAP_TLS_CERT_FILE") == nullptr) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back(
      {file_of("MISHAP_TLS_KEY_FILE"), file_of("MISHAP_TLS_CERT_FILE")});
  return grpc::SslServerCredentials(options);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: grpc_server PORT\n";
    return 2;
  }
  // Reflection is there when its library is linked.
#ifndef MISHAP_PLAIN
  grpc::EnableDefaultHealthCheckService(true);
#endif
  Service service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(std::string("0.0.0.0:") + argv[1], credentials(), &port);
  builder.RegisterService(&service);
  builder.SetMaxReceiveMessageSize(-1);
  auto server = builder.BuildAndStart();
  if (server == nullptr || port == 0) return 1;
  std::cout << "port " << port << std::endl;
  server->Wait();
}
