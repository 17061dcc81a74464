// What the client sends: statements that rules may match, and what they are replaced by.
#include <algorithm>
#include <vector>

#include "codec.h"
#include "filter.h"
#include "passing_run.h"
#include "sql.h"

namespace mishap::protocols::postgres {
namespace {

using fault::ProtocolAction;
using fault::ProtocolDecision;
using fault::ProtocolRule;
using traffic::Direction;
using traffic::Sink;

/// A prepared statement and a portal that no client has: using one fails, and the server's log says
/// why.
constexpr std::string_view kFailingStatement = "EXECUTE \"mishap injected fault\"";
constexpr std::string_view kFailingPortal = "mishap injected fault";

/// While a statement is held, this much of what follows is taken in before the client is made to
/// wait.
constexpr size_t kMaxHeldBytes = 256 * 1024;

constexpr char kPasswordMessage = 'p';

/// Messages whose content matters; the others pass as they come.
bool is_read(char type) {
  return type == 'Q' || type == 'P' || type == 'B' || type == 'E' || type == 'C';
}

/// The database that a startup packet's parameters (NUL-terminated names and values) ask for: by
/// default the one that is called like the user.
std::string startup_database(std::string_view parameters) {
  std::string user, database;
  while (auto name = take_string(parameters)) {
    auto value = take_string(parameters);
    if (name->empty() || !value) break;
    if (*name == "user") user = *value;
    if (*name == "database") database = *value;
  }
  return database.empty() ? user : database;
}

}  // namespace

void PostgresFilter::client_bytes(std::string_view bytes, Sink& sink) {
  if (last_words_) return;
  if (timer_ || leave_ == Leave::asked) {
    client_waiting_ += bytes;
    if (!client_paused_ && client_waiting_.size() > kMaxHeldBytes) {
      client_paused_ = true;
      sink.pause(Direction::to_server, true);
    }
    return;
  }
  if (client_waiting_.empty()) {
    const size_t done = client_messages(bytes, sink);
    if (!ended_) client_waiting_ = bytes.substr(done);
    return;
  }
  client_waiting_ += bytes;
  const size_t done = client_messages(client_waiting_, sink);
  if (!ended_) client_waiting_.erase(0, done);
}

void PostgresFilter::resume(Sink& sink) {
  const size_t done = client_messages(client_waiting_, sink);
  if (ended_) return;
  client_waiting_.erase(0, done);
  if (timer_ || leave_ == Leave::asked) return;
  if (client_paused_) {
    client_paused_ = false;
    sink.pause(Direction::to_server, false);
  }
  if (client_eof_ && !last_words_) on_eof(Direction::to_server, sink);
}

size_t PostgresFilter::client_messages(std::string_view input, Sink& sink) {
  PassingRun run(Direction::to_server, input, sink);
  size_t pos = 0;
  while (pos < input.size()) {
    const std::string_view rest = input.substr(pos);
    if (phase_ == Phase::opaque) {
      pos = input.size();
      break;
    }
    if (client_remaining_ > 0) {
      const size_t taken = std::min<uint64_t>(client_remaining_, rest.size());
      client_remaining_ -= taken;
      pos += taken;
      continue;
    }
    Fate fate = Fate::forward;
    size_t size = 0;
    if (phase_ == Phase::startup) {
      fate = startup_packet(rest, size, sink);
    } else {
      if (rest.size() < kHeaderSize) break;
      const uint32_t length = read_u32(rest.substr(1));
      if (length < 4 || length > kMaxMessageLength) {
        stop_reading("a client message has an impossible length", sink);
        continue;
      }
      size = size_t{length} + 1;
      if (rest[0] != kPasswordMessage && !may_go_on(sink)) break;
      if (!is_read(rest[0])) {
        note_client_message(rest[0]);
        client_remaining_ = size;
        continue;
      }
      if (rest.size() < size) break;
      if (decision_ || sink.has_rules()) run.send_up_to(pos);
      fate = client_message(rest[0], rest.substr(kHeaderSize, size - kHeaderSize), sink);
    }
    if (fate == Fate::incomplete) break;
    if (fate == Fate::over) return input.size();
    pos += size;
    if (fate == Fate::replaced) run.skip_to(pos);
    if (last_words_) return input.size();
  }
  run.send_up_to(pos);
  return pos;
}

PostgresFilter::Fate PostgresFilter::startup_packet(std::string_view input, size_t& size,
                                                    Sink& sink) {
  if (input.size() < 4) return Fate::incomplete;
  const uint32_t length = read_u32(input);
  if (length < 8 || length > kMaxStartupLength) {
    stop_reading("not a startup packet", sink);
    return Fate::forward;
  }
  if (input.size() < length) return Fate::incomplete;
  size = length;
  const uint32_t code = read_u32(input.substr(4));
  if (code == kSslRequest || code == kGssEncRequest) {
    // Encrypted bytes could not be read; clients that only prefer encryption go on without.
    tell_client("N", sink);
    return Fate::replaced;
  }
  if (code == kCancelRequest) {
    phase_ = Phase::opaque;
    return Fate::forward;
  }
  if (code >> 16 != kProtocolMajor) {
    stop_reading("unknown protocol version", sink);
    return Fate::forward;
  }
  phase_ = Phase::messages;
  database_ = startup_database(input.substr(8, length - 8));
  if (sink.has_rules()) {
    // A server without free connections says so before anything else.
    ProtocolDecision decision = sink.decide([&](const ProtocolRule& rule) {
      auto query = rule.matchers.find("query");
      return rule.action == ProtocolAction::error && server_error(rule).sqlstate == "53300" &&
             (query == rule.matchers.end() || query->second.empty() || query->second == "*");
    });
    if (decision.terminal) {
      const ServerError error = server_error(*decision.terminal);
      sink.report("error", {{"query", ""}, {"error", error.message}});
      return end_with(error, sink);
    }
  }
  session_.startup();
  return Fate::forward;
}

void PostgresFilter::note_client_message(char type) {
  switch (type) {
    case 'S':
      return session_.sync();
    case 'D':
      return session_.describe();
    case 'F':
      return session_.function_call();
    case 'c':
    case 'f':
      return session_.copy_ended();
    default:
      return;
  }
}

PostgresFilter::Fate PostgresFilter::client_message(char type, std::string_view payload,
                                                    Sink& sink) {
  std::string_view rest = payload;
  switch (type) {
    case 'Q':
      return simple_query(payload, sink);
    case 'E':
      return execute(payload, sink);
    case 'P': {
      const auto name = take_string(rest);
      const auto sql = take_string(rest);
      session_.parse(name.value_or(""), sql.value_or(""));
      return Fate::forward;
    }
    case 'B': {
      const auto portal = take_string(rest);
      const auto statement = take_string(rest);
      session_.bind(portal.value_or(""), statement.value_or(""));
      return Fate::forward;
    }
    default: {
      const char kind = rest.empty() ? '\0' : rest[0];
      if (!rest.empty()) rest.remove_prefix(1);
      session_.close(kind, take_string(rest).value_or(""));
      return Fate::forward;
    }
  }
}

PostgresFilter::Fate PostgresFilter::simple_query(std::string_view payload, Sink& sink) {
  const std::string_view sql = payload.substr(0, payload.find('\0'));
  if (session_.skipping() || (!decision_ && !sink.has_rules())) {
    decision_.reset();
    session_.query();
    return Fate::forward;
  }
  // Each statement is asked for by itself; the first one that is to fail is where the server will
  // stop.
  const std::vector<std::string_view> statements = split_statements(sql);
  const std::string whole = canonical_sql(sql);
  std::string failing = whole;
  size_t prefix = 0;
  ProtocolDecision decision;
  if (decision_) {
    decision = *std::exchange(decision_, std::nullopt);
    prefix = held_prefix_;
    failing = held_failing_;
  } else {
    if (statements.size() <= 1) decision = ask({whole, {}}, sink);
    for (size_t i = 0; statements.size() > 1 && i < statements.size() && !decision.terminal; ++i) {
      const std::string canonical = canonical_sql(statements[i]);
      ProtocolDecision one = ask({canonical, i == 0 ? std::string_view(whole) : ""}, sink);
      decision.delay += one.delay;
      decision.terminal = std::move(one.terminal);
      prefix = static_cast<size_t>(statements[i].data() - sql.data());
      failing = canonical;
    }
    if (hold(decision, sql, sink)) {
      held_prefix_ = prefix;
      held_failing_ = failing;
      return Fate::incomplete;
    }
  }
  if (!decision.terminal) {
    session_.query();
    return Fate::forward;
  }
  if (decision.terminal->action == ProtocolAction::drop) return drop(sql, sink);
  const ServerError error = server_error(*decision.terminal);
  sink.report("error", {{"query", std::string(sql)}, {"error", error.message}});
  if (error.fatal()) return end_with(error, sink);
  session_.query();
  if (is_commit(failing) && prefix == 0) {
    // A failed COMMIT leaves no transaction behind.
    session_.swap_last_reply({'C', error.bytes()});
    sink.send(Direction::to_server, make_query("ROLLBACK"));
  } else {
    session_.swap_last_reply({'E', error.bytes()});
    sink.send(Direction::to_server,
              make_query(std::string(sql.substr(0, prefix)).append(kFailingStatement)));
  }
  return Fate::replaced;
}

PostgresFilter::Fate PostgresFilter::execute(std::string_view payload, Sink& sink) {
  std::string_view rest = payload;
  Portal* portal = session_.find_portal(take_string(rest).value_or(""));
  const bool fresh = portal && !portal->executed;
  if (session_.skipping() || !fresh || (!decision_ && !sink.has_rules())) {
    decision_.reset();
    if (portal && !session_.skipping()) portal->executed = true;
    session_.execute();
    return Fate::forward;
  }
  const Statement& statement = *portal->statement;
  ProtocolDecision decision;
  if (decision_) {
    decision = *std::exchange(decision_, std::nullopt);
  } else {
    decision = ask({statement.canonical(), {}}, sink);
    if (hold(decision, statement.sql, sink)) return Fate::incomplete;
  }
  portal->executed = true;
  if (!decision.terminal) {
    session_.execute();
    return Fate::forward;
  }
  if (decision.terminal->action == ProtocolAction::drop) return drop(statement.sql, sink);
  const ServerError error = server_error(*decision.terminal);
  sink.report("error", {{"query", statement.sql}, {"error", error.message}});
  if (error.fatal()) return end_with(error, sink);
  session_.execute();
  session_.swap_last_reply({'E', error.bytes()});
  sink.send(Direction::to_server, make_execute(kFailingPortal));
  return Fate::replaced;
}

}  // namespace mishap::protocols::postgres
