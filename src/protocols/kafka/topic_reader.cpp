#include "mishap/protocols/kafka/topic_reader.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "client.h"

namespace mishap::protocols::kafka {
namespace {

using std::chrono::milliseconds;

constexpr auto kPollSlice = milliseconds(20);
/// How often new partitions, or the topic itself, are asked for.
constexpr auto kLookInterval = milliseconds(500);
constexpr auto kLookIntervalWithoutTopic = milliseconds(20);
constexpr auto kAskLimit = milliseconds(300);
constexpr auto kCatchUpPause = milliseconds(1);

std::optional<std::string> bytes_of(const void* bytes, size_t length) {
  if (bytes == nullptr) return std::nullopt;
  return std::string(static_cast<const char*>(bytes), length);
}

TopicMessage to_message(const Rdkafka& library, const rd_kafka_message_t& from,
                        const std::string& topic) {
  TopicMessage out{.topic = topic, .partition = from.partition, .offset = from.offset};
  rd_kafka_timestamp_type_t type{};
  int64_t timestamp = library.rd_kafka_message_timestamp(&from, &type);
  if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) out.timestamp_ms = timestamp;
  out.key = bytes_of(from.key, from.key_len);
  out.value = bytes_of(from.payload, from.len);
  rd_kafka_headers_t* headers = nullptr;
  if (library.rd_kafka_message_headers(&from, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return out;
  const char* name = nullptr;
  const void* value = nullptr;
  size_t length = 0;
  for (size_t i = 0; library.rd_kafka_header_get_all(headers, i, &name, &value, &length) ==
                     RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i)
    out.headers.emplace_back(name, bytes_of(value, length));
  return out;
}

}  // namespace

class TopicReader::Impl {
 public:
  /// `asker` is for questions: on the reader's own connections they would wait for the fetches.
  Impl(std::unique_ptr<Client> client, std::unique_ptr<Client> asker, std::string topic,
       OnMessage on_message, OnError on_error)
      : client_(std::move(client)),
        asker_(std::move(asker)),
        topic_(std::move(topic)),
        on_message_(std::move(on_message)),
        on_error_(std::move(on_error)),
        thread_([this] { run(); }) {}
  ~Impl() { stop(); }

  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  Result<TopicEnd> end(net::Deadline deadline, const net::Cancel* cancel);
  bool delivered(const TopicEnd& end) const;

 private:
  void run();
  void look_for_partitions();
  void assign(const std::vector<int32_t>& partitions);
  void take(const rd_kafka_message_t& message);
  void advance(int32_t partition, int64_t next);
  void complain(std::string why);

  std::unique_ptr<Client> client_, asker_;
  const std::string topic_;
  const OnMessage on_message_;
  const OnError on_error_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;  // guards next_
  TopicEnd next_;             // of each partition: everything before was delivered
  // The reader's thread.
  std::set<int32_t> assigned_;
  net::Clock::time_point next_look_{};
  std::string complained_;
  std::thread thread_;
};

void TopicReader::Impl::run() {
  while (!stopping_) {
    if (net::Clock::now() >= next_look_) look_for_partitions();
    Message message = client_->poll(kPollSlice);
    if (message != nullptr) take(*message);
    if (std::string trouble = client_->take_trouble(); !trouble.empty())
      complain("no broker answers: " + trouble);
  }
}

void TopicReader::Impl::look_for_partitions() {
  auto found = asker_->partitions(topic_, kAskLimit);
  next_look_ = net::Clock::now() + (assigned_.empty() ? kLookIntervalWithoutTopic : kLookInterval);
  if (!found) return complain(found.error().message);
  if (!*found) return;
  std::vector<int32_t> added;
  for (int32_t partition : **found) {
    if (!assigned_.contains(partition)) added.push_back(partition);
  }
  if (added.empty()) return;
  // The library would find the leaders by itself, but looks once a second only.
  [[maybe_unused]] auto known = client_->partitions(topic_, kAskLimit);
  assign(added);
}

void TopicReader::Impl::assign(const std::vector<int32_t>& partitions) {
  const Rdkafka& library = client_->library();
  auto* list = library.rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size()));
  for (int32_t partition : partitions) {
    library.rd_kafka_topic_partition_list_add(list, topic_.c_str(), partition)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
  }
  rd_kafka_error_t* error = library.rd_kafka_incremental_assign(client_->handle(), list);
  library.rd_kafka_topic_partition_list_destroy(list);
  if (error != nullptr) {
    complain(library.rd_kafka_error_string(error));
    library.rd_kafka_error_destroy(error);
    return;
  }
  assigned_.insert(partitions.begin(), partitions.end());
}

void TopicReader::Impl::take(const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    // What was read past without being seen (marks of transactions, compacted records) is behind.
    advance(message.partition, message.offset);
    return;
  }
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR)
    return complain(error_text(client_->library(), message.err));
  complained_.clear();
  on_message_(to_message(client_->library(), message, topic_));
  advance(message.partition, message.offset + 1);
}

void TopicReader::Impl::advance(int32_t partition, int64_t next) {
  std::lock_guard lock(mutex_);
  int64_t& place = next_[partition];
  place = std::max(place, next);
}

void TopicReader::Impl::complain(std::string why) {
  if (stopping_ || why == complained_) return;
  complained_ = why;
  on_error_(Error{std::move(why)});
}

Result<TopicEnd> TopicReader::Impl::end(net::Deadline deadline, const net::Cancel* cancel) {
  auto over = [&]() -> Result<void> {
    if (cancel != nullptr && cancel->is_set()) return fail("cancelled", ECANCELED);
    if (net::Clock::now() >= deadline) return fail("no broker answered within the time", ETIMEDOUT);
    return {};
  };
  auto slice = [&] {
    auto left = std::chrono::duration_cast<milliseconds>(deadline - net::Clock::now());
    return std::clamp(left, milliseconds(1), kAskLimit);
  };
  std::vector<int32_t> partitions;
  while (true) {
    MISHAP_TRY(over());
    auto found = asker_->partitions(topic_, slice());
    if (!found) continue;
    if (!*found) return TopicEnd{};
    partitions = **found;
    break;
  }
  TopicEnd out;
  const Rdkafka& library = asker_->library();
  for (int32_t partition : partitions) {
    int64_t low = 0, high = 0;
    while (library.rd_kafka_query_watermark_offsets(
               asker_->handle(), topic_.c_str(), partition, &low, &high,
               static_cast<int>(slice().count())) != RD_KAFKA_RESP_ERR_NO_ERROR)
      MISHAP_TRY(over());
    out[partition] = high;
  }
  return out;
}

bool TopicReader::Impl::delivered(const TopicEnd& end) const {
  std::lock_guard lock(mutex_);
  return std::all_of(end.begin(), end.end(), [&](const auto& partition) {
    auto reached = next_.find(partition.first);
    return partition.second <= (reached == next_.end() ? 0 : reached->second);
  });
}

Result<std::unique_ptr<TopicReader>> TopicReader::open(Settings settings, OnMessage on_message,
                                                       OnError on_error) {
  // The group is never joined, but the library wants a name.
  Client::Settings client_settings{RD_KAFKA_CONSUMER,
                                   std::move(settings.endpoint),
                                   std::move(settings.resolve),
                                   {{"group.id", "mishap-reader"},
                                    {"enable.auto.commit", "false"},
                                    {"enable.partition.eof", "true"},
                                    {"auto.offset.reset", "earliest"},
                                    {"fetch.wait.max.ms", "50"}}};
  MISHAP_ASSIGN(auto asker, Client::open(client_settings));
  MISHAP_ASSIGN(auto client, Client::open(std::move(client_settings)));
  return std::unique_ptr<TopicReader>(new TopicReader(
      std::make_unique<Impl>(std::move(client), std::move(asker), std::move(settings.topic),
                             std::move(on_message), std::move(on_error))));
}

TopicReader::TopicReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TopicReader::~TopicReader() = default;
void TopicReader::stop() { impl_->stop(); }
Result<TopicEnd> TopicReader::end(net::Deadline deadline, const net::Cancel* cancel) {
  return impl_->end(deadline, cancel);
}
bool TopicReader::delivered(const TopicEnd& end) const { return impl_->delivered(end); }

Result<void> TopicReader::catch_up(net::Deadline deadline, const net::Cancel* cancel) {
  MISHAP_ASSIGN(TopicEnd end, impl_->end(deadline, cancel));
  while (!impl_->delivered(end)) {
    if (cancel != nullptr && cancel->is_set()) return fail("cancelled", ECANCELED);
    if (net::Clock::now() >= deadline)
      return fail("messages were still coming in at the time limit", ETIMEDOUT);
    std::this_thread::sleep_for(kCatchUpPause);
  }
  return {};
}

}  // namespace mishap::protocols::kafka
