#include "request.h"

#include "wire.h"

namespace mishap::protocols::kafka {
namespace {

constexpr size_t kSizeBytes = 4;

// Of a record batch (kafka.apache.org/documentation, "Record Batch").
constexpr size_t kMagicAt = 16;
constexpr size_t kProducerIdAt = 43;
constexpr char kMagicWithProducerId = 2;

}  // namespace

Request::Request(std::string frame)
    : frame_(std::make_unique<const std::string>(std::move(frame))) {
  std::string_view bytes = std::string_view(*frame_).substr(kSizeBytes);
  header_ = read_request_header(bytes);
  const Api* api = find_api(header_.api);
  if (api == nullptr || !api->knows(header_.version) || header_.size == 0) return;
  bytes.remove_prefix(header_.size);
  size_t taken = 0;
  auto body =
      read_message(api->request, header_.version, api->flexible(header_.version), bytes, &taken);
  if (!body || taken != bytes.size()) return;
  api_ = api;
  body_ = std::move(*body);
}

int64_t Request::number(std::string_view field, int64_t absent) const {
  auto place = place_of(api_->request, field);
  if (!place || !api_->request[*place].versions.contain(header_.version)) return absent;
  return body_.items[*place].number;
}

void Request::set_number(std::string_view field, int64_t value) {
  find(api_->request, body_, field)->number = value;
  std::string body = write_message(api_->request, header_.version, flexible(), body_);
  std::string_view header = std::string_view(*frame_).substr(kSizeBytes, header_.size);
  // What was read borrows from the old bytes.
  *this = Request(make_frame(header, body));
}

const std::vector<Value>* Request::topics() const {
  auto asked = place_of(api_->request, "topics");
  auto answered = place_of(api_->answer, "topics");
  if (!asked || !answered || !api_->request[*asked].versions.contain(header_.version))
    return nullptr;
  const Value& topics = body_.items[*asked];
  return topics.items.empty() ? nullptr : &topics.items;
}

std::string Request::topic_name(const Value& topic, const TopicNames& names) const {
  Schema schema = elements_of(api_->request, "topics");
  const Value* name = find(schema, topic, "name");
  if (name != nullptr && !name->text.empty()) return std::string(name->text);
  const Value* id = find(schema, topic, "topic_id");
  return id == nullptr ? "" : names.find(id->text);
}

std::string Request::frame_for(const std::vector<size_t>& topics) const {
  Value body = body_;
  Value& list = *find(api_->request, body, "topics");
  std::vector<Value> kept;
  kept.reserve(topics.size());
  for (size_t at : topics) kept.push_back(list.items[at]);
  list.items = std::move(kept);
  return make_frame(std::string_view(*frame_).substr(kSizeBytes, header_.size),
                    write_message(api_->request, header_.version, flexible(), body));
}

Value Request::answer(int16_t code, std::string_view message) const {
  return mirror(api_->answer, api_->request, body_, code, message);
}

Value Request::topic_answer(size_t topic, int16_t code, std::string_view message) const {
  return mirror(elements_of(api_->answer, "topics"), elements_of(api_->request, "topics"),
                (*topics())[topic], code, message);
}

Value Request::answer_with(std::vector<Value> topics, int16_t code) const {
  Value out = absent_structure(api_->answer);
  if (Value* whole = find(api_->answer, out, "error_code")) whole->number = code;
  find(api_->answer, out, "topics")->items = std::move(topics);
  return out;
}

std::string Request::encode(const Value& answer) const {
  return make_answer(*api_, header_.version, header_.correlation, answer);
}

bool Request::wants_answer() const {
  return api_ == nullptr || api_->key != kProduce || number("acks", -1) != 0;
}

bool Request::is_idempotent(const Value& topic) const {
  Schema schema = elements_of(api_->request, "topics");
  const Value* partitions = find(schema, topic, "partitions");
  for (const Value& partition : partitions->items) {
    std::string_view batch = find(elements_of(schema, "partitions"), partition, "records")->text;
    if (batch.size() < kProducerIdAt + 8 || batch[kMagicAt] != kMagicWithProducerId) continue;
    if (WireReader(batch.substr(kProducerIdAt)).number(8) >= 0) return true;
  }
  return false;
}

std::optional<int16_t> acks_of(const Api& produce, const RequestHeader& header,
                               std::string_view after_header) {
  WireReader in(after_header);
  constexpr int16_t kFirstTransactional = 3;
  if (header.version >= kFirstTransactional) {
    int64_t length = in.length(2, produce.flexible(header.version));
    if (length > 0) in.bytes(static_cast<size_t>(length));
  }
  auto acks = static_cast<int16_t>(in.number(2));
  if (in.failed()) return std::nullopt;
  return acks;
}

}  // namespace mishap::protocols::kafka
