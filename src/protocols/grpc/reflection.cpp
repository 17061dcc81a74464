#include "reflection.h"

#include <map>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "call.h"
#include "status.h"

namespace mishap::protocols::grpc {
namespace {

using google::protobuf::internal::WireFormatLite;
namespace io = google::protobuf::io;

// ServerReflectionRequest and …Response, the same in both versions of the service.
constexpr int kFileByFilename = 3, kFileContainingSymbol = 4;
constexpr int kFileDescriptorResponse = 4, kErrorResponse = 7;
constexpr int kFileDescriptorProto = 1, kErrorMessage = 2;
/// Files are asked for until none is missing; a server that keeps naming new ones is not believed.
constexpr size_t kFileLimit = 10'000;

std::string text_field(int number, const std::string& text) {
  std::string out;
  io::StringOutputStream stream(&out);
  io::CodedOutputStream coded(&stream);
  WireFormatLite::WriteString(number, text, &coded);
  return out;
}

/// The texts (and messages) that a message has in a field. Nothing: it is malformed.
std::optional<std::vector<std::string>> texts_of(const std::string& message, int number) {
  io::CodedInputStream in(reinterpret_cast<const uint8_t*>(message.data()),
                          static_cast<int>(message.size()));
  std::vector<std::string> texts;
  while (uint32_t tag = in.ReadTag()) {
    const bool wanted =
        WireFormatLite::GetTagFieldNumber(tag) == number &&
        WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
    if (!wanted) {
      if (!WireFormatLite::SkipField(&in, tag)) return std::nullopt;
      continue;
    }
    std::string text;
    if (!WireFormatLite::ReadString(&in, &text)) return std::nullopt;
    texts.push_back(std::move(text));
  }
  if (!in.ConsumedEntireMessage()) return std::nullopt;
  return texts;
}

class Reflection {
 public:
  Reflection(const net::Endpoint& server, net::Deadline deadline, const net::Cancel* cancel)
      : server_(server), deadline_(deadline), cancel_(cancel) {}

  Result<std::vector<std::string>> files_of(const std::string& service) {
    MISHAP_TRY(ask(kFileContainingSymbol, service));
    while (!missing_.empty()) {
      if (files_.size() > kFileLimit) return fail("reflection: there is no end of files");
      const std::string name = *missing_.begin();
      missing_.erase(missing_.begin());
      // What the server does not have, the library may.
      if (!name.starts_with("google/protobuf/")) MISHAP_TRY(ask(kFileByFilename, name));
    }
    return std::move(files_);
  }

 private:
  Result<void> ask(int kind, const std::string& what) {
    CallOutcome outcome = call_once(kind, what);
    if (outcome.status == kUnimplemented && version_ == "v1") {
      version_ = "v1alpha";
      outcome = call_once(kind, what);
    }
    if (outcome.status == kUnimplemented) return fail("the server has no reflection");
    if (outcome.transport_error != 0) return fail(outcome.message, outcome.transport_error);
    if (outcome.status != kOk || outcome.messages.empty())
      return fail("reflection: " + outcome.error());
    return take(outcome.messages.front(), what);
  }

  CallOutcome call_once(int kind, const std::string& what) {
    CallRequest request;
    request.path =
        fmt::format("/grpc.reflection.{}.ServerReflection/ServerReflectionInfo", version_);
    request.messages = {text_field(kind, what)};
    if (session_ == nullptr) {
      auto opened = h2core::Session::open(server_, deadline_, cancel_);
      if (!opened) return outcome_of(opened.error());
      session_ = std::move(*opened);
    }
    return call(*session_, server_, request);
  }

  Result<void> take(const std::string& answer, const std::string& what) {
    auto errors = texts_of(answer, kErrorResponse);
    auto responses = texts_of(answer, kFileDescriptorResponse);
    if (!errors || !responses) return fail("reflection: the answer makes no sense");
    if (!errors->empty()) {
      auto messages = texts_of(errors->front(), kErrorMessage);
      const bool says_why = messages && !messages->empty();
      return fail(fmt::format("reflection: {}: {}", what,
                              says_why ? messages->front() : "the server does not know it"));
    }
    for (const std::string& response : *responses) {
      auto files = texts_of(response, kFileDescriptorProto);
      if (!files) return fail("reflection: the answer makes no sense");
      for (std::string& file : *files) MISHAP_TRY(add(std::move(file)));
    }
    return {};
  }

  Result<void> add(std::string bytes) {
    google::protobuf::FileDescriptorProto file;
    if (!file.ParseFromString(bytes)) return fail("reflection: a file cannot be read");
    missing_.erase(file.name());
    if (!known_.insert(file.name()).second) return {};
    for (const std::string& imported : file.dependency())
      if (!known_.contains(imported)) missing_.insert(imported);
    files_.push_back(std::move(bytes));
    return {};
  }

  const net::Endpoint& server_;
  net::Deadline deadline_;
  const net::Cancel* cancel_;
  std::unique_ptr<h2core::Session> session_;
  std::string version_ = "v1";
  std::vector<std::string> files_;
  std::set<std::string> known_, missing_;
};

}  // namespace

Result<std::shared_ptr<const Types>> reflected_types(const net::Endpoint& server,
                                                     const std::string& service,
                                                     net::Deadline deadline,
                                                     const net::Cancel* cancel) {
  static std::mutex mutex;
  static std::map<std::pair<std::string, std::string>, std::shared_ptr<const Types>> known;
  const std::pair key(server.text(), service);
  {
    std::lock_guard lock(mutex);
    if (auto found = known.find(key); found != known.end()) return found->second;
  }
  MISHAP_ASSIGN(auto files, Reflection(server, deadline, cancel).files_of(service));
  MISHAP_ASSIGN(auto types, Types::from_files(files));
  std::lock_guard lock(mutex);
  known[key] = types;
  return types;
}

}  // namespace mishap::protocols::grpc
