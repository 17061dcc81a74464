#include "undeclared.h"

#include <algorithm>

#include <fmt/format.h>

namespace mishap::cell {

std::vector<std::string> undeclared_connections(const std::vector<event::Event>& events) {
  std::vector<std::string> notes;
  for (const auto& event : events) {
    if (event.type != "syscall" || event.fields.get("syscall") != "connect") continue;
    const std::string* address = event.fields.find("address");
    bool refused = event.fields.get("decision").starts_with("deny");
    if (address == nullptr || refused || event.fields.find("peer") != nullptr) continue;
    std::string note = fmt::format("{} connects to {}, where no declared service listens",
                                   event.service, *address);
    if (std::find(notes.begin(), notes.end(), note) == notes.end()) notes.push_back(note);
  }
  return notes;
}

}  // namespace mishap::cell
