// relay PROTOCOL UPSTREAM: one relay outside of a cell, for trying real clients against a real
// server.
//
// Prints the port of the loopback on which it listens. Then it reads commands, a line each, and
// answers each with "ok" or "error: …": `clear` takes all rules away; `error|drop|duplicate|delay`,
// followed by words `name=value` (the matchers' names, metadata.NAME; message, status, code,
// messages, delay in milliseconds), opens a rule; `counts` prints the rules' matches. End of input
// ends it. Events go to stderr, a line each.
#include <iostream>
#include <sstream>
#include <thread>

#include "mishap/net/stream.h"
#include "mishap/protocols/registry.h"
#include "mishap/traffic/router.h"

namespace mishap {
namespace {

Result<fault::ProtocolRule> parse_rule(std::istringstream& words, const std::string& action) {
  fault::ProtocolRule rule;
  rule.service = "server";
  rule.interface = "main";
  for (auto known : {fault::ProtocolAction::error, fault::ProtocolAction::drop,
                     fault::ProtocolAction::duplicate, fault::ProtocolAction::delay}) {
    if (to_string(known) == action) rule.action = known;
  }
  if (to_string(rule.action) != action) return fail("unknown command " + action);
  std::string word;
  while (words >> word) {
    size_t equals = word.find('=');
    if (equals == std::string::npos) return fail("no name=value: " + word);
    std::string name = word.substr(0, equals), value = word.substr(equals + 1);
    if (name == "message") {
      rule.message = value;
    } else if (name == "code") {
      rule.code = value;
    } else if (name == "status") {
      rule.status_name = value;
    } else if (name == "messages") {
      rule.messages = std::stoi(value);
    } else if (name.starts_with("metadata.")) {
      rule.metadata[name.substr(name.find('.') + 1)] = value;
    } else if (name == "delay") {
      rule.delay = std::chrono::milliseconds(std::stol(value));
    } else {
      rule.matchers[name] = value;
    }
  }
  return rule;
}

Result<void> obey(const std::string& line, fault::ProtocolDecider& decider,
                  std::vector<fault::WindowId>& open) {
  std::istringstream words(line);
  std::string command;
  words >> command;
  if (command == "clear") {
    for (auto window : open) decider.close(window);
    open.clear();
    return {};
  }
  if (command == "counts") {
    for (const auto& counted : decider.counters())
      std::cout << counted.action << " " << counted.matched << " " << counted.applied << "\n";
    return {};
  }
  MISHAP_ASSIGN(auto rule, parse_rule(words, command));
  open.push_back(decider.open({rule}));
  return {};
}

void print_new_events(const event::Log& log, size_t& printed) {
  for (; printed < log.size(); ++printed) {
    const event::Event& event = log.at(printed);
    std::cerr << event.type;
    for (const auto& [name, value] : event.fields) std::cerr << " " << name << "=" << value;
    std::cerr << "\n";
  }
}

int run(const std::string& protocol_name, const std::string& upstream) {
  const traffic::Protocol* protocol = protocols::find(protocol_name);
  auto endpoint = net::parse_endpoint(upstream);
  auto loop = net::Loop::create();
  if (!endpoint || !loop) return 2;
  event::Log log;
  fault::ProtocolDecider decider(1);
  auto router = traffic::Router::create(**loop, log, decider);
  if (!router) return 2;
  std::thread traffic([&] { (*loop)->run(); });
  // A protocol of no such name is relayed unseen.
  bool relayed = (*router)->relay("server", "main", *endpoint, protocol).has_value();
  if (relayed) std::cout << (*router)->dial_address("server", "main")->port << std::endl;
  std::vector<fault::WindowId> open;
  std::string line;
  size_t printed = 0;
  while (relayed && std::getline(std::cin, line)) {
    auto obeyed = obey(line, decider, open);
    print_new_events(log, printed);
    std::cout << (obeyed ? "ok" : "error: " + obeyed.error().message) << std::endl;
  }
  (*loop)->stop();
  traffic.join();
  print_new_events(log, printed);
  return relayed ? 0 : 2;
}

}  // namespace
}  // namespace mishap

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: relay PROTOCOL HOST:PORT\n";
    return 2;
  }
  return mishap::run(argv[1], argv[2]);
}
