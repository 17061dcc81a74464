// Following a topic: every message of every partition, from the first one that is still there.
//
// No group is joined and no offset committed, so the reader leaves no trace with the brokers. A
// topic that does not exist yet is waited for, and partitions that are added are noticed; neither
// is created by asking.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mishap/base/result.h"
#include "mishap/net/stream.h"
#include "mishap/traffic/protocol.h"

namespace mishap::protocols::kafka {

/// One record. Bytes as they are; a null key or value is nothing.
struct TopicMessage {
  std::string topic;
  int32_t partition = 0;
  int64_t offset = 0;
  int64_t timestamp_ms = -1;  ///< since the epoch; -1: the record has none
  std::optional<std::string> key, value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

/// Partition → the offset that its next message will get (the high watermark). A partition that
/// never had a message has 0.
using TopicEnd = std::map<int32_t, int64_t>;

class TopicReader {
 public:
  struct Settings {
    net::Endpoint endpoint;  ///< the first broker to ask
    std::string topic;
    /// Where an advertised broker is to be dialled. Empty, or answering nothing: at `endpoint`.
    traffic::BrokerResolver resolve;
  };
  /// Both are called on the reader's own thread, one at a time, never after `stop` returned. They
  /// must not call `stop` or destroy the reader.
  using OnMessage = std::function<void(TopicMessage)>;
  /// What keeps the reader from reading ("no broker answers: …"). The reader goes on trying and
  /// does not repeat itself until something was read in between.
  using OnError = std::function<void(Error)>;

  /// Starts reading. It does not wait for a broker: that none is there is reported to `on_error`.
  /// Error: the client library cannot be loaded or refuses the settings.
  static Result<std::unique_ptr<TopicReader>> open(Settings settings, OnMessage on_message,
                                                   OnError on_error);
  /// Stops.
  ~TopicReader();
  TopicReader(const TopicReader&) = delete;
  TopicReader& operator=(const TopicReader&) = delete;

  /// Ends the reader's thread; within a fraction of a second whatever the brokers do. A message
  /// whose callback runs is finished. Any thread but the reader's; again: nothing.
  void stop();

  /// Where the topic ends now, asked of the brokers; empty when the topic does not exist. Any
  /// thread. Errors: "no broker answered within the time", "cancelled" (code ECANCELED).
  Result<TopicEnd> end(net::Deadline deadline, const net::Cancel* cancel = nullptr);

  /// Whether everything before `end` has been delivered: its callback has returned. Messages that
  /// retention or compaction removed, and the marks that transactions leave, count as delivered.
  /// Any thread.
  bool delivered(const TopicEnd& end) const;

  /// Waits until all that was in the topic when this was called has been delivered: `end`, then
  /// `delivered`. Errors as of `end`; "messages were still coming in at the time limit" (code
  /// ETIMEDOUT). Any thread but the reader's.
  Result<void> catch_up(net::Deadline deadline, const net::Cancel* cancel = nullptr);

 private:
  class Impl;
  explicit TopicReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mishap::protocols::kafka
