// A librdkafka client whose connections go where we say.
//
// librdkafka dials the addresses that brokers advertise. Here every address is looked up with the
// caller's resolver instead of the system's, so that a connection goes through the relay of the
// broker that is meant, even where its name means nothing to us.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mishap/net/stream.h"
#include "mishap/traffic/protocol.h"

#include "rdkafka.h"

namespace mishap::protocols::kafka {

/// Frees a message with the library that it came from.
class MessageDeleter {
 public:
  explicit MessageDeleter(const Rdkafka* library = nullptr) : library_(library) {}
  void operator()(rd_kafka_message_t* message) const {
    library_->rd_kafka_message_destroy(message);
  }

 private:
  const Rdkafka* library_;
};
using Message = std::unique_ptr<rd_kafka_message_t, MessageDeleter>;

/// "NOT_LEADER_OR_FOLLOWER (error code 6)"; what the library itself says where no broker spoke.
std::string error_text(const Rdkafka& library, rd_kafka_resp_err_t error);

/// Any thread, where not said otherwise.
class Client {
 public:
  struct Settings {
    rd_kafka_type_t type;
    net::Endpoint endpoint;
    traffic::BrokerResolver resolve;
    std::vector<std::pair<std::string, std::string>> options;  ///< librdkafka's CONFIGURATION.md
  };
  /// Does not wait for a broker. Error: the library cannot be loaded or refuses an option.
  static Result<std::unique_ptr<Client>> open(Settings settings);
  /// Does not say good-bye to a group: `close` does.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  const Rdkafka& library() const { return *library_; }
  rd_kafka_t* handle() const { return handle_; }

  /// Serves callbacks for at most this long; for a consumer the next message or error as well (null
  /// when there was none). One thread at a time.
  Message poll(std::chrono::milliseconds longest);
  /// What last kept the client from talking to a broker; "" when nothing did. Asking forgets it.
  std::string take_trouble();

  struct Report {
    rd_kafka_resp_err_t error;
    int32_t partition;
    int64_t offset;
  };
  /// A producer: what became of the last message; nothing while it is not decided.
  std::optional<Report> take_report();

  /// The partitions of a topic, in order; nothing when there is no such topic (yet). Errors as the
  /// library words them.
  Result<std::optional<std::vector<int32_t>>> partitions(const std::string& topic,
                                                         std::chrono::milliseconds longest);

 private:
  Client(const Rdkafka* library, Settings settings)
      : library_(library), settings_(std::move(settings)) {}
  Result<void> start();
  static void log(const rd_kafka_t* handle, int level, const char* facility, const char* text);
  net::Endpoint place_of(const std::string& host, const std::string& port) const;
  static int resolve(const char* node, const char* service, const addrinfo* hints,
                     addrinfo** result, void* self);

  const Rdkafka* library_;
  Settings settings_;
  rd_kafka_t* handle_ = nullptr;
  std::mutex mutex_;  // guards the two below
  std::string trouble_;
  std::optional<Report> report_;
};

}  // namespace mishap::protocols::kafka
