#include "filter.h"

#include <algorithm>
#include <utility>

#include "mishap/base/glob.h"
#include "mishap/base/text.h"

#include "commands.h"

namespace mishap::protocols::redis {

using fault::ProtocolAction;
using traffic::Direction;
using traffic::Ending;
using traffic::Sink;

namespace {

constexpr std::string_view kExecAbort =
    "EXECABORT Transaction discarded because of previous errors.";

/// A request as rules see it.
struct Request {
  std::string name;  ///< upper case
  std::vector<std::string> keys;
  bool is_setup = false;
  bool in_multi = false;
};

/// The key that the pattern fits; null when none does. A command without keys has the empty one.
const std::string* fitting_key(const Request& request, std::string_view pattern) {
  static const std::string kNone;
  if (request.keys.empty()) return glob_request(pattern, "") ? &kNone : nullptr;
  auto fits = [&](const std::string& key) { return glob_request(pattern, key); };
  auto found = std::find_if(request.keys.begin(), request.keys.end(), fits);
  return found == request.keys.end() ? nullptr : &*found;
}

bool rule_matches(const fault::ProtocolRule& rule, const Request& request) {
  // A made-up value cannot stand among the QUEUED of a transaction.
  if (request.in_multi && rule.action == ProtocolAction::respond) return false;
  bool named = false;
  for (const auto& [name, pattern] : rule.matchers) {
    if (name == "command") {
      if (!glob_request(to_upper(pattern), request.name)) return false;
      named = !pattern.empty() && pattern.find('*') == std::string::npos;
    } else if (name == "key") {
      if (fitting_key(request, pattern) == nullptr) return false;
    } else if (!pattern.empty() && pattern != "*") {
      return false;
    }
  }
  return named || !request.is_setup;
}

std::string error_text(const fault::ProtocolRule& rule) {
  std::string message = rule.message.empty() ? "ERR injected fault" : rule.message;
  if (!rule.code.empty()) message = rule.code + " " + message;
  std::string line = encode_error(message);
  return line.substr(1, line.size() - 3);
}

}  // namespace

void RedisFilter::on_bytes(Direction direction, std::string_view bytes, Sink& sink) {
  if (ended_) return;
  if (direction == Direction::to_client) {
    read_values(bytes, sink);
  } else if (commands_pass_) {
    sink.send(Direction::to_server, bytes);
  } else {
    input_.append(bytes);
    read_commands(sink);
  }
}

void RedisFilter::on_eof(Direction direction, Sink& sink) {
  if (ended_) return;
  if (direction == Direction::to_client) {
    server_eof_ = true;
    serve_front(sink);
    return;
  }
  client_eof_ = true;
  if (commands_pass_) {
    sink.send_eof(Direction::to_server);
  } else if (!delayed_) {
    pass_commands(sink);
  }
}

void RedisFilter::on_timer(uint64_t, Sink& sink) {
  if (ended_ || !std::exchange(delayed_, false)) return;
  sink.pause(Direction::to_server, false);
  carry_out(sink);
  if (ended_) return;
  read_commands(sink);
  if (client_eof_ && !ended_ && !delayed_ && !commands_pass_) pass_commands(sink);
}

// --- commands
// ---------------------------------------------------------------------------------------------------------------

void RedisFilter::read_commands(Sink& sink) {
  while (!ended_ && !delayed_ && !commands_pass_ && input_from_ < input_.size()) {
    std::string_view unread = std::string_view(input_).substr(input_from_);
    // A command that begins while there is nothing to decide need not be held until it is whole.
    if (command_.at_start() && command_text_.empty()) {
      streaming_ = !sink.has_rules() && !in_multi_ && replies_ == Replies::on;
    }
    size_t taken = command_.consume(unread);
    command_text_.append(unread.substr(0, taken));
    input_from_ += taken;
    if (command_.state() == CommandParser::State::malformed) {
      pass_commands(sink);
    } else if (command_.state() == CommandParser::State::complete) {
      judge(sink);
    } else if (streaming_) {
      sink.send(Direction::to_server, std::exchange(command_text_, {}));
    }
  }
  input_.erase(0, std::exchange(input_from_, 0));
}

void RedisFilter::judge(Sink& sink) {
  decision_ = {};
  const std::vector<std::string>& arguments = command_.arguments();
  if (streaming_ || arguments.empty() || !sink.has_rules()) return carry_out(sink);

  Request request{.name = to_upper(arguments[0]), .in_multi = in_multi_};
  request.is_setup = is_setup_command(request.name);
  for (size_t at : key_positions(arguments)) request.keys.push_back(arguments[at]);
  std::string key = request.keys.empty() ? "" : request.keys.front();
  decision_ = sink.decide([&](const fault::ProtocolRule& rule) {
    bool fits = rule_matches(rule, request);
    if (auto pattern = rule.matchers.find("key"); fits && pattern != rule.matchers.end()) {
      key = *fitting_key(request, pattern->second);
    }
    return fits;
  });
  event::Fields fields{{"command", request.name}, {"key", key}};
  bool delays = decision_.delay > Nanoseconds::zero();
  if (delays) {
    event::Fields delayed = fields;
    auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(decision_.delay).count();
    delayed.set("delay_ms", std::to_string(millis));
    sink.report("delay", std::move(delayed));
  }
  if (decision_.terminal) {
    if (decision_.terminal->action == ProtocolAction::error) {
      fields.set("error", error_text(*decision_.terminal));
    }
    sink.report(fault::to_string(decision_.terminal->action), std::move(fields));
  }
  if (!delays) return carry_out(sink);
  delayed_ = true;
  sink.pause(Direction::to_server, true);
  sink.start_timer(decision_.delay, 0);
}

void RedisFilter::carry_out(Sink& sink) {
  std::string name = command_.arguments().empty() ? "" : to_upper(command_.arguments().front());
  if (decision_.terminal) {
    answer(name, *decision_.terminal, sink);
  } else {
    forward(name, sink);
  }
  command_text_.clear();
  if (!commands_pass_) command_.restart();
  serve_front(sink);
}

void RedisFilter::answer(const std::string& name, const fault::ProtocolRule& rule, Sink& sink) {
  if (rule.action == ProtocolAction::drop) {
    owed_.push_back({.kind = Kind::drop});
    return;
  }
  Owed owed{.kind = Kind::made_up};
  if (rule.action == ProtocolAction::error) {
    owed.text = "-" + error_text(rule) + "\r\n";
  } else if (rule.body.value_or("").empty()) {
    owed.nil = true;
  } else {
    owed.text = encode_bulk(*rule.body);
  }
  bool ends_multi = in_multi_ && (name == "EXEC" || name == "DISCARD");
  if (ends_multi) {
    // The server's transaction ends all the same.
    sink.send(Direction::to_server, encode_command({"DISCARD"}));
    owed.kind = Kind::replaced;
    in_multi_ = multi_broken_ = false;
  } else if (in_multi_) {
    multi_broken_ = true;
  }
  owe(std::move(owed));
}

void RedisFilter::forward(const std::string& name, Sink& sink) {
  if (name == "EXEC" && in_multi_ && multi_broken_) {
    sink.send(Direction::to_server, encode_command({"DISCARD"}));
    in_multi_ = multi_broken_ = false;
    owe({.kind = Kind::replaced, .text = encode_error(kExecAbort)});
    return;
  }
  sink.send(Direction::to_server, command_text_);
  if (name.empty()) return;
  const std::vector<std::string>& arguments = command_.arguments();
  Owed owed;
  if (name == "MULTI") {
    in_multi_ = true;
    multi_broken_ = false;
  } else if (name == "EXEC" || name == "DISCARD") {
    in_multi_ = multi_broken_ = false;
  } else if (name == "RESET") {
    in_multi_ = multi_broken_ = false;
    replies_ = Replies::on;
    channels_.clear();
    patterns_.clear();
    shards_.clear();
    owed.hello_version = 2;
  } else if (name == "HELLO" && arguments.size() > 1) {
    owed.hello_version = arguments[1] == "3" ? 3 : 2;
  } else if (name == "MONITOR" || name == "SYNC" || name == "PSYNC") {
    // From here on the server only talks.
    owe(std::move(owed));
    pass_commands(sink);
    return;
  } else if (name.ends_with("SUBSCRIBE") && !in_multi_) {
    expect_subscription(name);
    return;
  } else if (name == "CLIENT" && arguments.size() > 2 && to_upper(arguments[1]) == "REPLY") {
    expect_client_reply(std::move(owed));
    return;
  }
  owe(std::move(owed));
}

void RedisFilter::expect_subscription(const std::string& name) {
  const std::vector<std::string>& arguments = command_.arguments();
  std::set<std::string>& names = name.starts_with('P')                             ? patterns_
                                 : name.find("SS") == 0 || name.starts_with("SUN") ? shards_
                                                                                   : channels_;
  bool leaves = name.find("UNSUBSCRIBE") != std::string::npos;
  // Leaving without names is confirmed once for each channel there was, and once when there was
  // none.
  size_t count = arguments.size() > 1 ? arguments.size() - 1 : std::max<size_t>(names.size(), 1);
  if (leaves && arguments.size() == 1) names.clear();
  for (size_t i = 1; i < arguments.size(); ++i) {
    if (leaves) {
      names.erase(arguments[i]);
    } else {
      names.insert(arguments[i]);
    }
  }
  owe({.kind = Kind::confirmations, .left = count, .word = to_lower(name)});
}

void RedisFilter::expect_client_reply(Owed owed) {
  std::string mode = to_upper(command_.arguments()[2]);
  if (mode == "OFF") {
    replies_ = Replies::off;
  } else if (mode == "SKIP") {
    if (replies_ == Replies::on) replies_ = Replies::skip_next;
  } else {
    replies_ = Replies::on;
    owe(std::move(owed));
  }
}

/// Gives a command its place in the queue, unless the client asked not to be answered.
void RedisFilter::owe(Owed owed) {
  if (replies_ == Replies::off) return;
  if (replies_ == Replies::skip_next) {
    replies_ = Replies::on;
    return;
  }
  owed_.push_back(std::move(owed));
}

void RedisFilter::pass_commands(Sink& sink) {
  commands_pass_ = true;
  if (command_.state() != CommandParser::State::complete) {
    sink.send(Direction::to_server, command_text_);
  }
  command_text_.clear();
  sink.send(Direction::to_server, std::string_view(input_).substr(input_from_));
  input_from_ = input_.size();
  if (client_eof_) sink.send_eof(Direction::to_server);
}

// --- values
// -----------------------------------------------------------------------------------------------------------------

void RedisFilter::read_values(std::string_view bytes, Sink& sink) {
  while (!bytes.empty() && !ended_) {
    if (values_pass_) {
      sink.send(Direction::to_client, bytes);
      return;
    }
    if (value_.at_start()) {
      swallowing_ = !owed_.empty() && owed_.front().kind == Kind::replaced && bytes[0] != '>';
    }
    size_t taken = value_.consume(bytes);
    if (!swallowing_) sink.send(Direction::to_client, bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    if (value_.state() == ValueScanner::State::malformed) {
      lose_track(sink);
    } else if (value_.state() == ValueScanner::State::done) {
      end_value(sink);
    }
  }
}

bool RedisFilter::is_out_of_band() const {
  if (value_.type() == '>') {
    return owed_.empty() || owed_.front().kind != Kind::confirmations ||
           owed_.front().word != value_.first_word();
  }
  bool subscribed = !channels_.empty() || !patterns_.empty() || !shards_.empty();
  if (!subscribed || version_ == 3 || value_.type() != '*') return false;
  const std::string& word = value_.first_word();
  return word == "message" || word == "pmessage" || word == "smessage";
}

void RedisFilter::end_value(Sink& sink) {
  bool out_of_band = is_out_of_band();
  bool is_error = value_.type() == '-' || value_.type() == '!';
  value_.restart();
  // Without a question it is no answer either: "-ERR max number of clients reached".
  if (!out_of_band && !owed_.empty() && owed_.front().kind != Kind::made_up &&
      owed_.front().kind != Kind::drop) {
    Owed& front = owed_.front();
    if (front.hello_version != 0 && !is_error) version_ = front.hello_version;
    if (front.kind == Kind::replaced) {
      swallowing_ = false;
      front.kind = Kind::made_up;
    } else if (is_error || --front.left == 0) {
      owed_.pop_front();
    }
  }
  serve_front(sink);
}

/// Sends what is owed and does not come from the server, as far as it is its turn.
void RedisFilter::serve_front(Sink& sink) {
  if (ended_ || (!value_.at_start() && !server_eof_) || values_pass_) {
    if (server_eof_ && !ended_ && !std::exchange(eof_to_client_, true)) {
      sink.send_eof(Direction::to_client);
    }
    return;
  }
  while (!owed_.empty() && !eof_to_client_) {
    const Owed& front = owed_.front();
    if (front.kind == Kind::drop) {
      ended_ = true;
      sink.end(Ending::finish);
      return;
    }
    if (front.kind != Kind::made_up) break;
    std::string nil = version_ == 3 ? "_\r\n" : "$-1\r\n";
    sink.send(Direction::to_client, front.nil ? nil : front.text);
    owed_.pop_front();
  }
  if (server_eof_ && !std::exchange(eof_to_client_, true)) sink.send_eof(Direction::to_client);
}

/// The server's bytes make no sense: they pass from now on, and made-up replies can no longer be
/// placed among them.
void RedisFilter::lose_track(Sink& sink) {
  values_pass_ = true;
  bool owes = std::any_of(owed_.begin(), owed_.end(), [](const Owed& owed) {
    return owed.kind == Kind::made_up || owed.kind == Kind::drop || owed.kind == Kind::replaced;
  });
  owed_.clear();
  if (owes) {
    ended_ = true;
    sink.end(Ending::finish);
  } else if (!commands_pass_ && !delayed_) {
    pass_commands(sink);
  }
}

}  // namespace mishap::protocols::redis
