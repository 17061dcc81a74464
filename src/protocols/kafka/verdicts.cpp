// What rules decide about requests.
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

/// A client that is refused at once asks again at once; this keeps it from spinning.
constexpr auto kErrorPause = std::chrono::milliseconds(100);

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

}  // namespace mishap::protocols::kafka
