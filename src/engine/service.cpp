#include "mishap/engine/service.h"

#include <algorithm>

namespace mishap::engine {

const Interface* Service::find_interface(std::string_view interface_name) const {
  auto found = std::find_if(interfaces.begin(), interfaces.end(),
                            [&](const Interface& i) { return i.name == interface_name; });
  return found == interfaces.end() ? nullptr : &*found;
}

const std::string* Service::find_env(std::string_view variable) const {
  auto found = std::find_if(env.begin(), env.end(),
                            [&](const auto& item) { return item.first == variable; });
  return found == env.end() ? nullptr : &found->second;
}

}  // namespace mishap::engine
