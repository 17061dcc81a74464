// mishap doctor
#include <algorithm>
#include <iostream>
#include <iterator>

#include <fmt/format.h>

#include "mishap/base/json.h"
#include "mishap/engine/probes.h"
#include "mishap/sandbox/probes.h"
#include "mishap/syscalls/probes.h"

#include "commands.h"

namespace mishap::cli {
namespace {

using sandbox::Probe;

std::vector<Probe> all_probes() {
  std::vector<Probe> probes = {sandbox::probe_kernel(), sandbox::probe_user_namespaces()};
  for (auto some :
       {sandbox::probe_cell(), syscalls::probe_notifications(), engine::probe_catalogue()}) {
    std::move(some.begin(), some.end(), std::back_inserter(probes));
  }
  return probes;
}

void print_text(const std::vector<Probe>& probes, bool can_run) {
  size_t widest = 0;
  for (const auto& probe : probes) widest = std::max(widest, probe.name.size());
  for (const auto& probe : probes) {
    std::string state(to_string(probe.state));
    if (probe.detail.empty()) {
      std::cout << fmt::format("{:<{}}  {}\n", probe.name, widest, state);
      continue;
    }
    std::cout << fmt::format("{:<{}}  {:<8}  {}\n", probe.name, widest, state, probe.detail);
    if (!probe.remedy.empty()) {
      std::cout << fmt::format("{:<{}}  {:<8}  → {}\n", "", widest, "", probe.remedy);
    }
  }
  std::cout << (can_run ? "\nMishap can run here.\n" : "\nMishap cannot run here.\n");
}

void print_json(const std::vector<Probe>& probes, bool can_run) {
  Json list = Json::array();
  for (const auto& probe : probes) {
    list.push_back(Json{{"name", probe.name},
                        {"state", to_string(probe.state)},
                        {"detail", probe.detail},
                        {"remedy", probe.remedy}});
  }
  std::cout << Json{{"can_run", can_run}, {"probes", list}}.dump(2, ' ', false,
                                                                 Json::error_handler_t::replace)
            << "\n";
}

}  // namespace

int run_doctor(const DoctorOptions& options) {
  auto probes = all_probes();
  bool can_run = sandbox::nothing_vital_missing(probes).has_value();
  (options.json ? print_json : print_text)(probes, can_run);
  return can_run ? 0 : 1;
}

}  // namespace mishap::cli
