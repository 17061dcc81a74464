// What becomes of requests and of their answers once rules have decided.
#include <algorithm>
#include <utility>

#include "errors.h"
#include "filter.h"
#include "wire.h"

namespace mishap::protocols::kafka {

using fault::ProtocolAction;
using fault::ProtocolRule;
using traffic::Direction;
using traffic::Sink;

namespace {

constexpr size_t kSizeBytes = 4;
constexpr size_t kMostOffsets = 10'000;

std::string offset_key(std::string_view topic, int64_t partition) {
  return std::string(topic) + '\0' + std::to_string(partition);
}

/// As it is on the wire: the name, or the id where there is no name.
std::string_view topic_text(Schema schema, const Value& topic) {
  const Value* name = find(schema, topic, "name");
  return name->text.empty() ? find(schema, topic, "topic_id")->text : name->text;
}

/// What an answer says: a drop is no error, there is just nothing.
int16_t answered_code(const ProtocolRule& rule) {
  return rule.action == ProtocolAction::drop ? int16_t{0} : error_code_of(rule);
}

/// Takes out of a broker's answer what it says of a topic: of Metadata, whose topics have a code of
/// their own, or of Fetch.
void refuse(Schema schema, Value& topic, int16_t code) {
  Value& partitions = *find(schema, topic, "partitions");
  if (Value* whole = find(schema, topic, "error_code")) {
    whole->number = code;
    partitions.items.clear();
    return;
  }
  Schema of_partition = elements_of(schema, "partitions");
  for (Value& partition : partitions.items) {
    find(of_partition, partition, "error_code")->number = code;
    for (const char* name : {"records", "aborted"}) {
      Value& found = *find(of_partition, partition, name);
      found.text = {};
      found.items.clear();
    }
  }
}

/// The code of a rule that is about the group, not about one of the topics whose offsets were asked
/// for; else 0.
int16_t of_group(const Request& request, const ProtocolRule& rule) {
  if (request.header().api != kOffsetFetch || rule.action != ProtocolAction::error) return 0;
  int16_t code = error_code_of(rule);
  auto apis = apis_of_error(code);
  return std::find(apis.begin(), apis.end(), kOffsetFetch) == apis.end() ? 0 : code;
}

/// The body of an answer's frame; nothing when it does not fit the schema.
struct Answer {
  std::string_view header;
  Value body;
};
std::optional<Answer> read_answer(const Api& api, int16_t version, std::string_view frame) {
  std::string_view bytes = frame.substr(kSizeBytes);
  auto header = answer_header_size(api, version, bytes);
  if (!header) return std::nullopt;
  size_t taken = 0;
  std::string_view rest = bytes.substr(*header);
  auto body = read_message(api.answer, version, api.flexible(version), rest, &taken);
  if (!body || taken != rest.size()) return std::nullopt;
  return Answer{bytes.substr(0, *header), std::move(*body)};
}

std::string write_answer(const Api& api, int16_t version, const Answer& answer) {
  return make_frame(answer.header,
                    write_message(api.answer, version, api.flexible(version), answer.body));
}

void learn_names(const Api& api, const Value& body, TopicNames& names) {
  Schema schema = elements_of(api.answer, "topics");
  for (const Value& topic : find(api.answer, body, "topics")->items)
    names.learn(find(schema, topic, "topic_id")->text, find(schema, topic, "name")->text);
}

/// Lowers what the broker offers to what is understood. A broker that does not know the version of
/// the question answers in version 0.
std::optional<std::string> lowered(int16_t version, std::string_view frame) {
  const Api& api = *find_api(kApiVersions);
  constexpr size_t kErrorAt = 8;
  if (frame.size() < kErrorAt + 2) return std::nullopt;
  if (read_int16(frame.substr(kErrorAt)) == kUnsupportedVersion) version = 0;
  if (!api.knows(version)) return std::nullopt;
  auto answer = read_answer(api, version, frame);
  if (!answer) return std::nullopt;
  Schema schema = elements_of(api.answer, "apis");
  for (Value& offered : find(api.answer, answer->body, "apis")->items) {
    const Api* known = find_api(static_cast<int16_t>(find(schema, offered, "key")->number));
    Value& last = *find(schema, offered, "max_version");
    if (known != nullptr && find(schema, offered, "min_version")->number <= known->last_version)
      last.number = std::min<int64_t>(last.number, known->last_version);
  }
  std::string out = write_answer(api, version, *answer);
  // Numbers were changed in their places; anything else means that it was no broker's encoding.
  if (out.size() != frame.size()) return std::nullopt;
  return out;
}

}  // namespace

void KafkaFilter::carry_out(Held held, Sink& sink) {
  const Request& request = held.request;
  if (answers_pass_ || requests_pass_) {
    // Track was lost meanwhile.
    sink.send(Direction::to_server, request.frame());
  } else if (held.judgement.whole) {
    carry_out_whole(held, sink);
  } else if (held.judgement.topics.empty() && request.api() != nullptr &&
             request.api()->key == kMetadata) {
    // All topics are asked for: which there are is known when the answer comes.
    forward(request, request.frame(), Kind::patch, sink);
    owed_.back().ask_topics = true;
  } else if (held.judgement.topics.empty()) {
    forward(request, request.frame(), kind_for(request.header(), true), sink);
  } else {
    carry_out_topics(std::move(held), sink);
  }
  if (!ended_) serve_front(sink);
}

void KafkaFilter::carry_out_whole(const Held& held, Sink& sink) {
  const Request& request = held.request;
  const ProtocolRule& rule = *held.judgement.whole;
  if (rule.action == ProtocolAction::drop) {
    silent_ = true;
    return;
  }
  int16_t code = error_code_of(rule);
  if (request.header().api == kMetadata) {
    forward(request, request.frame(), Kind::patch, sink);
    owed_.back().errors[""] = code;
    return;
  }
  owe(request.header(), Kind::made_up);
  owed_.back().frame = request.encode(request.answer(code, rule.message));
}

void KafkaFilter::carry_out_topics(Held held, Sink& sink) {
  const std::vector<std::optional<ProtocolRule>>& rules = held.judgement.topics;
  int16_t api = held.request.header().api;
  std::vector<size_t> rest;
  std::vector<Value> answers;
  std::map<std::string, int16_t> errors;
  bool refused = false;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (!rules[i]) {
      rest.push_back(i);
      continue;
    }
    bool drop = rules[i]->action == ProtocolAction::drop;
    if (drop && api != kProduce && api != kFetch) {
      silent_ = true;
      return;
    }
    refused = refused || !drop;
    if (api == kMetadata)
      errors[held.request.topic_name((*held.request.topics())[i], *names_)] =
          error_code_of(*rules[i]);
    else
      answers.push_back(topic_answer(held.request, i, *rules[i]));
  }
  bool answered = held.request.wants_answer();
  bool split = !answers.empty();
  if (!errors.empty()) {
    forward(held.request, held.request.frame(), Kind::patch, sink);
    owed_.back().errors = std::move(errors);
  } else if (!split) {
    forward(held.request, held.request.frame(), kind_for(held.request.header(), true), sink);
  } else if (!rest.empty()) {
    forward(held.request, held.request.frame_for(rest), Kind::merge, sink);
  } else if (answered) {
    owe(held.request.header(), Kind::made_up);
    int16_t whole = of_group(held.request, *rules.front());
    owed_.back().frame = held.request.encode(held.request.answer_with(answers, whole));
  }
  if (!held.judgement.duplicated.empty()) {
    forward(held.request, held.request.frame_for(held.judgement.duplicated), Kind::swallow, sink);
  }
  // Without an answer a broker says that something failed by closing the connection.
  if (!answered && refused) owed_.push_back({.kind = Kind::close});
  if (!split || rest.empty() || !answered) return;
  auto merge = std::find_if(owed_.rbegin(), owed_.rend(),
                            [](const Owed& owed) { return owed.kind == Kind::merge; });
  merge->topics = std::move(answers);
  merge->lender = std::make_shared<const Held>(std::move(held));
}

void KafkaFilter::forward(const Request& request, std::string_view frame, Kind kind, Sink& sink) {
  sink.send(Direction::to_server, frame);
  if (!request.wants_answer()) return;
  owe(request.header(), kind);
  owed_.back().judged = true;
}

Value KafkaFilter::topic_answer(const Request& request, size_t topic, const ProtocolRule& rule) {
  if (rule.action == ProtocolAction::error)
    return request.topic_answer(topic, error_code_of(rule), rule.message);
  Value answer = request.topic_answer(topic, 0, "");
  if (request.header().api != kProduce) return answer;
  Schema schema = elements_of(request.api()->answer, "topics");
  Schema of_partition = elements_of(schema, "partitions");
  for (Value& partition : find(schema, answer, "partitions")->items) {
    auto last = last_offsets_.find(
        offset_key(topic_text(schema, answer), find(of_partition, partition, "index")->number));
    find(of_partition, partition, "base_offset")->number =
        last == last_offsets_.end() ? 0 : last->second;
  }
  return answer;
}

std::string KafkaFilter::changed_answer(Owed& owed, std::string frame, Sink& sink) {
  if (owed.kind == Kind::lower) return lowered(owed.version, frame).value_or(frame);
  const Api& api = *find_api(owed.api);
  auto answer = read_answer(api, owed.version, frame);
  if (!answer) {
    sink.report("unparsed", {{"reason", "the broker's answer to " + api_name(owed.api) +
                                            " makes no sense and was not changed"}});
    return frame;
  }
  learn(owed, frame);
  std::vector<Value>& topics = find(api.answer, answer->body, "topics")->items;
  topics.insert(topics.end(), owed.topics.begin(), owed.topics.end());
  if (owed.kind == Kind::patch) patch_topics(owed, topics, sink);
  return write_answer(api, owed.version, *answer);
}

void KafkaFilter::patch_topics(Owed& owed, std::vector<Value>& topics, Sink& sink) {
  Schema schema = elements_of(find_api(owed.api)->answer, "topics");
  for (Value& topic : topics) {
    std::string name(find(schema, topic, "name")->text);
    if (name.empty()) name = names_->find(find(schema, topic, "topic_id")->text);
    if (owed.ask_topics) {
      fault::ProtocolDecision decision = ask({.api = owed.api,
                                              .plain_name = plain_api_name(api_name(owed.api)),
                                              .topic = name,
                                              .answered = true},
                                             sink);
      if (decision.terminal) owed.errors[name] = answered_code(*decision.terminal);
    }
    auto error = owed.errors.find(name);
    if (error == owed.errors.end()) error = owed.errors.find("");
    if (error != owed.errors.end()) refuse(schema, topic, error->second);
  }
}

void KafkaFilter::learn(const Owed& owed, std::string_view frame) {
  const Api* api = find_api(owed.api);
  if (api == nullptr || !api->knows(owed.version)) return;
  bool names = owed.api == kMetadata || owed.api == kCreateTopics;
  if (!names && owed.api != kProduce) return;
  auto answer = read_answer(*api, owed.version, frame);
  if (!answer) return;
  if (names) return learn_names(*api, answer->body, *names_);
  Schema schema = elements_of(api->answer, "topics");
  Schema of_partition = elements_of(schema, "partitions");
  for (const Value& topic : find(api->answer, answer->body, "topics")->items) {
    for (const Value& partition : find(schema, topic, "partitions")->items) {
      int64_t offset = find(of_partition, partition, "base_offset")->number;
      if (offset < 0 || last_offsets_.size() >= kMostOffsets) continue;
      last_offsets_[offset_key(topic_text(schema, topic),
                               find(of_partition, partition, "index")->number)] = offset;
    }
  }
}

}  // namespace mishap::protocols::kafka
