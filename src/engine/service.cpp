#include "mishap/engine/service.h"

#include <algorithm>

namespace mishap::engine {

std::string_view to_string(Observation::Source source) {
  switch (source) {
    case Observation::Source::standard_output:
      return "stdout";
    case Observation::Source::standard_error:
      return "stderr";
    case Observation::Source::topic:
      return "topic";
    case Observation::Source::wal_stream:
      return "wal_stream";
    case Observation::Source::tail:
      return "tail";
    case Observation::Source::poll:
      return "poll";
  }
  return "";
}

const Interface* Service::find_interface(std::string_view interface_name) const {
  auto found = std::find_if(interfaces.begin(), interfaces.end(),
                            [&](const Interface& i) { return i.name == interface_name; });
  return found == interfaces.end() ? nullptr : &*found;
}

bool Service::observes(Observation::Source observed) const {
  return std::any_of(observe.begin(), observe.end(),
                     [&](const Observation& item) { return item.source == observed; });
}

const std::string* Service::find_env(std::string_view variable) const {
  auto found = std::find_if(env.begin(), env.end(),
                            [&](const auto& item) { return item.first == variable; });
  return found == env.end() ? nullptr : &found->second;
}

}  // namespace mishap::engine
