// Following what a server keeps or says beyond the calls that are made of it: a topic's messages, a
// database's committed rows, the lines of a file, the answers of a page. Each kind is a Follower;
// those that belong to a protocol are made by it (Protocol::follow).
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mishap/base/duration.h"
#include "mishap/base/result.h"
#include "mishap/event/decoder.h"
#include "mishap/event/event.h"
#include "mishap/net/stream.h"

namespace mishap::traffic {

/// Where to dial a server that another server told of ("kafka-2:9092" in a broker's metadata).
/// Nothing: the address means no declared interface. Any thread.
using BrokerResolver =
    std::function<std::optional<net::Endpoint>(const std::string& host, uint16_t port)>;

/// Something that a follower saw happen.
struct Sighting {
  event::Draft draft;
  event::Timestamp at;  ///< when it happened, by the account of where it was seen
};

/// What is to be followed, and whom to tell.
struct FollowRequest {
  std::string kind;  ///< "topic", "wal_stream"
  std::string service;
  net::Endpoint endpoint;  ///< of the server itself: what a follower reads passes no relay
  BrokerResolver resolve;  ///< for what `endpoint` refers to, such as a cluster's other brokers
  std::map<std::string, std::string> service_env;  ///< for credentials
  std::string topic;                               ///< of a topic
  std::vector<std::string>
      tables;  ///< globs, with or without a schema; empty: all. Of a wal_stream
  std::shared_ptr<const event::Decoder> decoder;  ///< null: content is text
  /// Whether the service still runs; a follower whose server is gone for good stops waiting for it.
  std::function<bool()> alive;
  /// A process of the server serves this follower alone from now on, or no longer: what it calls is
  /// not the service's doing. Any thread. May be empty.
  std::function<void(int pid, bool ours)> server_process;
  /// Called on the follower's thread, in the order in which things happened there. What is given
  /// together happened together (a transaction).
  std::function<void(std::vector<Sighting>)> deliver;
  /// The follower can see nothing just now, and why. It goes on trying.
  std::function<void(const Error&)> interrupted;
};

/// Sees things until it is destroyed. Methods may be called from any thread.
class Follower {
 public:
  virtual ~Follower() = default;
  /// Blocks until everything that had happened when it was called has been delivered. Error: why it
  /// could not be, by the deadline or at all.
  virtual Result<void> catch_up(net::Deadline deadline) = 0;
  /// Somebody is about to use `part` of the server (a database). True: nothing that happens there
  /// will be missed. False: `go` is called, once, from any thread, as soon as that is so.
  virtual bool admit(const std::string& /*part*/, const std::function<void()>& /*go*/) {
    return true;
  }
};

}  // namespace mishap::traffic
