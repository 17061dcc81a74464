// mishap provision
#include "mishap/engine/provision.h"

#include <iostream>

#include <fmt/format.h>

#include "mishap/engine/native.h"

#include "commands.h"

namespace mishap::cli {

int run_provision(const ProvisionOptions& options) {
  if (options.what != "kafka") {
    return report_error(
        fmt::format("mishap provision \"{}\": kafka is all that can be provisioned; "
                    "mishap doctor says how to get the others",
                    options.what));
  }
  engine::ProvisionOptions engine;
  engine.cache_dir = engine::default_cache_dir();
  engine.offline = options.offline;
  engine.say = [](const std::string& line) { std::cout << line << std::endl; };
  auto provisioned = engine::provision_kafka(engine);
  return provisioned ? 0 : report_error(provisioned.error().message);
}

}  // namespace mishap::cli
