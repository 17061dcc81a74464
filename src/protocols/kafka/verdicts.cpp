// What rules decide about requests, and what becomes of requests and answers then.
#include <algorithm>
#include <utility>

#include "mishap/base/glob.h"

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
/// A client that is refused at once asks again at once; this keeps it from spinning.
constexpr auto kErrorPause = std::chrono::milliseconds(100);
constexpr size_t kMostOffsets = 10'000;

bool has_tag(std::string_view tags, uint32_t wanted) {
  WireReader in(tags);
  uint32_t count = tags.empty() ? 0 : in.unsigned_varint();
  for (uint32_t i = 0; i < count && !in.failed(); ++i) {
    if (in.unsigned_varint() == wanted) return true;
    in.bytes(in.unsigned_varint());
  }
  return false;
}

/// A broker that follows another one. Replication is nobody's request.
bool is_replica(const Request& request) {
  constexpr uint32_t kReplicaState = 1;  // since version 15
  return request.number("replica_id", -1) >= 0 || has_tag(request.body().tags, kReplicaState);
}

bool is_any(const std::string& pattern) {
  return pattern.find_first_not_of('*') == std::string::npos;
}

std::string milliseconds(Nanoseconds delay) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(delay).count());
}

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

void KafkaFilter::take_request(Request request, Sink& sink) {
  if (request.api() != nullptr && request.api()->key == kFetch) {
    if (is_replica(request)) {
      forward(request, request.frame(), Kind::pass, sink);
      return;
    }
    bool in_session = request.number("fetch_session_id", 0) != 0;
    int64_t epoch = request.number("fetch_session_epoch", -1);
    if (in_session && epoch > 0) {
      Value gone = absent_structure(request.api()->answer);
      find(request.api()->answer, gone, "session_error_code")->number = kFetchSessionIdNotFound;
      owe(request.header(), Kind::made_up);
      owed_.back().frame = request.encode(gone);
      serve_front(sink);
      return;
    }
    if (epoch == 0) request.set_number("fetch_session_epoch", -1);
  }
  if (request.api() == nullptr || !look_up_names(request, sink))
    return take_named(std::move(request), sink);
  held_ = {std::move(request), {}, true};
  sink.pause(Direction::to_server, true);
}

/// Asks the broker for the names of topics of which only an id is given that nobody has heard of.
/// False: there are none, or they were asked for before.
bool KafkaFilter::look_up_names(const Request& request, Sink& sink) {
  constexpr int16_t kMetadataById = 12;
  const std::vector<Value>* topics = request.topics();
  if (topics == nullptr || request.header().api == kMetadata || server_eof_) return false;
  const Api& metadata = *find_api(kMetadata);
  Schema schema = elements_of(request.api()->request, "topics");
  Schema asked_schema = elements_of(metadata.request, "topics");
  Value body = absent_structure(metadata.request);
  find(metadata.request, body, "allow_auto_creation")->number = 0;
  for (const Value& topic : *topics) {
    const Value* id = find(schema, topic, "topic_id");
    if (id == nullptr || id->text.empty() || !request.topic_name(topic, *names_).empty() ||
        asked_ids_.size() >= TopicNames::kMost || !asked_ids_.emplace(id->text).second)
      continue;
    Value asked = absent_structure(asked_schema);
    find(asked_schema, asked, "topic_id")->text = id->text;
    find(asked_schema, asked, "name")->null = true;
    find(metadata.request, body, "topics")->items.push_back(std::move(asked));
  }
  if (find(metadata.request, body, "topics")->items.empty()) return false;
  const RequestHeader& header = request.header();
  sink.send(Direction::to_server,
            make_request(metadata, kMetadataById, header.correlation, "mishap", body));
  owe({.api = kMetadata, .version = kMetadataById, .correlation = header.correlation},
      Kind::lookup);
  return true;
}

/// The request's topics have names as far as anybody knows them.
void KafkaFilter::take_named(Request request, Sink& sink) {
  Judgement judgement = judge(request, sink);
  Nanoseconds wait = judgement.delay + patience(request, judgement);
  Held held{std::move(request), std::move(judgement)};
  if (wait <= Nanoseconds::zero()) return carry_out(std::move(held), sink);
  held_ = std::move(held);
  sink.pause(Direction::to_server, true);
  sink.start_timer(wait, 0);
}

/// Asks for each of the request's topics, or for the whole where it has none. Waiting for two
/// topics is waiting once.
KafkaFilter::Judgement KafkaFilter::judge(const Request& request, Sink& sink) {
  Judgement judgement;
  Candidate candidate{.api = request.header().api,
                      .plain_name = plain_api_name(api_name(request.header().api)),
                      .understood = request.api() != nullptr,
                      .topic = std::nullopt};
  const std::vector<Value>* topics = request.api() == nullptr ? nullptr : request.topics();
  if (topics == nullptr) {
    fault::ProtocolDecision decision = ask(candidate, sink);
    judgement.delay = decision.delay;
    judgement.whole = std::move(decision.terminal);
    return judgement;
  }
  for (size_t i = 0; i < topics->size(); ++i) {
    candidate.topic = request.topic_name((*topics)[i], *names_);
    candidate.idempotent = request.header().api == kProduce && request.is_idempotent((*topics)[i]);
    fault::ProtocolDecision decision = ask(candidate, sink);
    judgement.delay = std::max(judgement.delay, decision.delay);
    if (decision.duplicate && !decision.terminal) judgement.duplicated.push_back(i);
    judgement.topics.push_back(std::move(decision.terminal));
  }
  return judgement;
}

fault::ProtocolDecision KafkaFilter::ask(const Candidate& candidate, Sink& sink) {
  const std::string topic = candidate.topic.value_or("");
  bool in_vain = false;
  fault::ProtocolDecision decision = sink.decide([&](const ProtocolRule& rule) {
    if (!matches(rule, candidate)) return false;
    in_vain = rule.action == ProtocolAction::duplicate && candidate.idempotent;
    return !in_vain;
  });
  event::Fields fields{{"api", api_name(candidate.api)}, {"topic", topic}};
  if (decision.delay > Nanoseconds::zero()) {
    event::Fields delayed = fields;
    delayed.set("delay_ms", milliseconds(decision.delay));
    sink.report("delay", std::move(delayed));
  }
  if (decision.terminal) {
    event::Fields done = fields;
    if (decision.terminal->action == ProtocolAction::error)
      done.set("error", error_name(error_code_of(*decision.terminal)));
    sink.report(fault::to_string(decision.terminal->action), std::move(done));
  } else if (decision.duplicate) {
    sink.report("duplicate", std::move(fields));
  } else if (in_vain) {
    fields.set("reason", "the producer is idempotent: the broker would drop the second copy");
    sink.report("not_duplicated", std::move(fields));
  }
  return decision;
}

bool KafkaFilter::matches(const ProtocolRule& rule, const Candidate& candidate) const {
  auto api = static_cast<ApiKey>(candidate.api);
  bool moves_records = api == kProduce || api == kFetch;
  switch (rule.action) {
    case ProtocolAction::respond:
      return false;
    case ProtocolAction::error:
      if (!candidate.understood) return false;
      break;
    case ProtocolAction::delay:
      if (candidate.answered) return false;
      break;
    case ProtocolAction::drop:
      if (candidate.answered && api != kFetch) return false;
      break;
    case ProtocolAction::duplicate:
      if (api != kProduce || !candidate.topic) return false;
      break;
  }
  // Without topics there is nothing to refuse or to lose.
  if (rule.action != ProtocolAction::delay && moves_records && !candidate.topic) return false;

  auto op = rule.matchers.find("method");
  if (op != rule.matchers.end() && !op->second.empty()) {
    if (!glob_request(plain_api_name(op->second), candidate.plain_name)) return false;
  } else if (rule.action == ProtocolAction::error) {
    auto apis = apis_of_error(error_code_of(rule));
    if (std::find(apis.begin(), apis.end(), api) == apis.end()) return false;
  } else if (!moves_records) {
    return false;
  }
  auto topic = rule.matchers.find("topic");
  if (topic == rule.matchers.end() || is_any(topic->second)) return true;
  return candidate.topic && !candidate.topic->empty() &&
         glob_request(topic->second, *candidate.topic);
}

/// How long an answer takes that does not come from the broker: a fetch that finds nothing waits as
/// long as the client allows.
Nanoseconds KafkaFilter::patience(const Request& request, const Judgement& judgement) {
  if (request.api() == nullptr || request.api()->key != kFetch || judgement.topics.empty())
    return {};
  bool all = true, error = false;
  for (const auto& rule : judgement.topics) {
    all = all && rule.has_value();
    error = error || (rule && rule->action == ProtocolAction::error);
  }
  if (!all) return {};
  auto longest = std::chrono::milliseconds(std::max<int64_t>(request.number("max_wait_ms", 0), 0));
  return error ? std::min(longest, std::chrono::milliseconds(kErrorPause)) : longest;
}

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
