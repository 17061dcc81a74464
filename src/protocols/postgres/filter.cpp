#include "filter.h"

#include <algorithm>

#include "codec.h"
#include "passing_run.h"
#include "sql.h"

namespace mishap::protocols::postgres {
namespace {

using fault::ProtocolAction;
using fault::ProtocolDecision;
using fault::ProtocolRule;
using traffic::Direction;
using traffic::Ending;
using traffic::Sink;

std::string milliseconds(Nanoseconds duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

void PostgresFilter::on_bytes(Direction direction, std::string_view bytes, Sink& sink) {
  if (ended_) return;
  if (direction == Direction::to_server) {
    client_bytes(bytes, sink);
  } else if (phase_ == Phase::opaque) {
    if (!server_waiting_.empty()) sink.send(direction, std::exchange(server_waiting_, {}));
    sink.send(direction, bytes);
  } else {
    server_bytes(bytes, sink);
  }
}

void PostgresFilter::on_eof(Direction direction, Sink& sink) {
  if (ended_) return;
  if (direction == Direction::to_client) {
    if (last_words_) {
      session_ = Session();
      say_last_words(sink);
      return;
    }
    if (!server_waiting_.empty()) sink.send(direction, server_waiting_);
    server_eof_ = true;
    sink.send_eof(direction);
    return;
  }
  client_eof_ = true;
  if (timer_ || last_words_ || leave_ == Leave::asked) return;
  if (!client_waiting_.empty()) sink.send(direction, client_waiting_);
  sink.send_eof(direction);
}

void PostgresFilter::on_timer(uint64_t token, Sink& sink) {
  if (ended_) return;
  if (leave_ == Leave::asked && token == leave_token_) {
    leave_ = Leave::given;
    if (!server_eof_) server_bytes({}, sink);
  } else if (timer_ != 0 && token == timer_) {
    timer_ = 0;
  } else {
    return;
  }
  if (!ended_ && timer_ == 0) resume(sink);
}

bool PostgresFilter::may_go_on(Sink& sink) {
  if (leave_ == Leave::unasked) {
    leave_token_ = ++last_timer_;
    leave_ = sink.ask_leave(database_, leave_token_) ? Leave::given : Leave::asked;
  }
  return leave_ == Leave::given;
}

// --- the server's side -------------------------------------------------------------------------

void PostgresFilter::server_bytes(std::string_view bytes, Sink& sink) {
  if (leave_ == Leave::asked) {
    server_waiting_ += bytes;
    return;
  }
  std::string joined;
  if (!server_waiting_.empty()) {
    joined = std::exchange(server_waiting_, {}).append(bytes);
    bytes = joined;
  }
  PassingRun run(Direction::to_client, bytes, sink);
  size_t pos = 0;
  while (pos < bytes.size()) {
    if (server_remaining_ == 0) {
      const std::string_view rest = bytes.substr(pos);
      if (rest.size() < kHeaderSize) break;
      const uint32_t length = read_u32(rest.substr(1));
      if (length < 4 || length > kMaxMessageLength) {
        stop_reading("a server message has an impossible length", sink);
        pos = bytes.size();
        break;
      }
      if (rest[0] == 'Z' && length == 5) {
        // Nothing is done in the database before its client has heard this.
        if (!may_go_on(sink)) break;
        if (rest.size() < kHeaderSize + 1) break;
        server_status_ = rest[kHeaderSize];
      }
      server_type_ = rest[0];
      server_remaining_ = uint64_t{length} + 1;
      if (auto instead = session_.take_swap(server_type_)) {
        run.send_up_to(pos);
        sink.send(Direction::to_client, *instead);
        swallowing_ = true;
        // What follows is the end of the statement that was replaced, or of its error.
        if (server_type_ == 'C') server_type_ = 'E';
      }
    }
    const size_t taken = std::min<uint64_t>(server_remaining_, bytes.size() - pos);
    server_remaining_ -= taken;
    pos += taken;
    if (swallowing_) run.skip_to(pos);
    if (server_remaining_ > 0) break;
    swallowing_ = false;
    session_.server_message(server_type_, server_status_);
    if (last_words_ && session_.settled()) {
      run.send_up_to(pos);
      say_last_words(sink);
      return;
    }
  }
  run.send_up_to(pos);
  server_waiting_ = bytes.substr(pos);
}

// --- rules -------------------------------------------------------------------------------------

ProtocolDecision PostgresFilter::ask(const Candidate& candidate, Sink& sink) {
  return sink.decide([&](const ProtocolRule& rule) { return matches(rule, candidate); });
}

bool PostgresFilter::matches(const ProtocolRule& rule, const Candidate& candidate) {
  if (rule.action == ProtocolAction::respond || rule.action == ProtocolAction::duplicate) {
    return false;
  }
  if (rule.action == ProtocolAction::error && session_.in_failed_transaction() &&
      !server_error(rule).fatal()) {
    return false;
  }
  auto query = rule.matchers.find("query");
  if (query == rule.matchers.end()) return true;
  const std::string& pattern = canonical_pattern(query->second);
  return sql_matches(pattern, candidate.canonical) ||
         (!candidate.whole_canonical.empty() && sql_matches(pattern, candidate.whole_canonical));
}

const std::string& PostgresFilter::canonical_pattern(const std::string& pattern) {
  auto [place, added] = patterns_.try_emplace(pattern);
  if (added) place->second = canonical_sql(pattern);
  return place->second;
}

bool PostgresFilter::hold(const ProtocolDecision& decision, std::string_view sql, Sink& sink) {
  if (decision.delay <= Nanoseconds::zero()) return false;
  sink.report("delay", {{"query", std::string(sql)}, {"delay_ms", milliseconds(decision.delay)}});
  decision_ = decision;
  timer_ = ++last_timer_;
  sink.start_timer(decision.delay, timer_);
  return true;
}

PostgresFilter::Fate PostgresFilter::drop(std::string_view sql, Sink& sink) {
  sink.report("drop", {{"query", std::string(sql)}});
  ended_ = true;
  sink.end(Ending::finish);
  return Fate::over;
}

PostgresFilter::Fate PostgresFilter::end_with(const ServerError& error, Sink& sink) {
  last_words_ = error.bytes();
  if (say_last_words(sink)) return Fate::over;
  // Without a Sync the server keeps the replies to earlier messages to itself.
  sink.send(Direction::to_server, make_flush());
  return Fate::replaced;
}

bool PostgresFilter::say_last_words(Sink& sink) {
  if (!session_.settled()) return false;
  tell_client(*last_words_, sink);
  ended_ = true;
  sink.end(Ending::finish);
  return true;
}

/// A client that was told of the end of the stream reads nothing any more.
void PostgresFilter::tell_client(std::string_view bytes, Sink& sink) {
  if (!server_eof_) sink.send(Direction::to_client, bytes);
}

void PostgresFilter::stop_reading(std::string_view reason, Sink& sink) {
  phase_ = Phase::opaque;
  sink.report("unparsed", {{"reason", std::string(reason)}});
}

}  // namespace mishap::protocols::postgres
