#include "topic_source.h"

#include <algorithm>

namespace mishap::protocols::kafka {
namespace {

/// A producer may stamp its messages as it likes; what is further off than this says nothing about
/// when they were sent.
constexpr auto kPlausible = std::chrono::seconds(1);

/// Numbers and truth values as text, wherever they stand.
Json with_text(const Json& value) {
  if (!value.is_structured()) return scalar_text(value);
  Json out = value.is_array() ? Json::array() : Json::object();
  for (const auto& [name, item] : value.items()) {
    if (value.is_array())
      out.push_back(with_text(item));
    else
      out[name] = with_text(item);
  }
  return out;
}

bool has_nested(const Json& object) {
  return object.is_object() && std::any_of(object.begin(), object.end(),
                                           [](const Json& item) { return item.is_structured(); });
}

/// The fields, with what is nested in the content as it is instead of as text.
Json nested_data(const event::Fields& fields, const Json& content) {
  Json data = Json::object();
  for (const auto& [name, text] : fields) data[name] = text;
  for (const auto& [name, item] : content.items()) {
    if (item.is_structured() && data.value(name, "") == scalar_text(item))
      data[name] = with_text(item);
  }
  return data;
}

class TopicFollower final : public traffic::Follower {
 public:
  explicit TopicFollower(traffic::FollowRequest request) : request_(std::move(request)) {}

  Result<void> start() {
    MISHAP_ASSIGN(reader_, TopicReader::open(
                               {request_.endpoint, request_.topic, request_.resolve},
                               [this](const TopicMessage& message) { on_message(message); },
                               [this](const Error& error) { request_.interrupted(error); }));
    return {};
  }

  Result<void> catch_up(net::Deadline deadline) override {
    // A broker that has ended has no more to say, and nobody to say up to where we have read.
    if (!request_.alive()) return fail("the broker is gone");
    return reader_->catch_up(deadline);
  }

 private:
  void on_message(const TopicMessage& message) {
    auto now = std::chrono::system_clock::now();
    event::Timestamp at{std::chrono::milliseconds(message.timestamp_ms)};
    if (message.timestamp_ms < 0 || at > now || now - at > kPlausible) at = now;
    latest_ = std::max(latest_, at);  // messages keep their order, whatever their stamps
    request_.deliver({{draft_of(request_.service, message, request_.decoder.get()), latest_}});
  }

  const traffic::FollowRequest request_;
  event::Timestamp latest_{};  // the reader's thread
  std::unique_ptr<TopicReader> reader_;
};

}  // namespace

event::Draft draft_of(const std::string& service, const TopicMessage& message,
                      const event::Decoder* decoder) {
  event::Draft draft{.type = "topic", .service = service};
  const std::string text = message.value.value_or("");
  draft.fields = {{"topic", message.topic},
                  {"partition", std::to_string(message.partition)},
                  {"offset", std::to_string(message.offset)},
                  {"key", message.key.value_or("")},
                  {"value", text}};
  if (decoder == nullptr || !message.value) return draft;
  event::Decoded decoded = decoder->decode(text);
  for (const auto& [name, value] : decoded.fields) {
    bool repeats = name == "raw" && value == text;
    if (!repeats && draft.fields.find(name) == nullptr) draft.fields.set(name, value);
  }
  if (has_nested(decoded.data)) draft.data = nested_data(draft.fields, decoded.data);
  draft.value = std::move(decoded.data);
  return draft;
}

Result<std::unique_ptr<traffic::Follower>> follow_topic(traffic::FollowRequest request) {
  auto follower = std::make_unique<TopicFollower>(std::move(request));
  MISHAP_TRY(follower->start());
  return follower;
}

}  // namespace mishap::protocols::kafka
