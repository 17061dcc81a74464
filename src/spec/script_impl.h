// The Starlark side of one cell.
#pragma once

#include <memory>
#include <mutex>
#include <span>

#include "mishap/cell/script.h"

#include "world.h"

namespace mishap::spec {

/// `world` and `test` outlive it.
class TestScript final : public cell::Script {
 public:
  TestScript(World& world, const TestDeclaration& test) : world_(world), test_(test) {}

  void attach(cell::Session& session) override;
  bool has_seed(const std::string& service) const override;
  cell::ScriptOutcome seed(const std::string& service) override;
  bool has_reset(const std::string& service) const override;
  cell::ScriptOutcome reset(const std::string& service) override;
  cell::ScriptOutcome setup() override;
  cell::ScriptOutcome assume() override;
  cell::ScriptOutcome body() override;
  bool has_expectation() const override { return test_.expect.is_valid(); }
  cell::ScriptOutcome expect(bool hung) override;
  std::vector<monitor::MonitorSpec> monitors() override;
  std::vector<std::pair<monitor::PropertySpec, monitor::PropertySet::Role>> properties() override;
  void cancel() override;
  uint64_t assertions() const override { return world_.assertion_count; }

 private:
  const Value* reset_of(const std::string& service) const;
  cell::ScriptOutcome call(const Value& function, TaskKind kind, std::span<const Value> args,
                           Value* result);

  World& world_;
  const TestDeclaration& test_;
  Value returned_ = Value::none();
  std::mutex mutex_;
  std::vector<Thread*> running_;
  bool cancelled_ = false;  ///< what begins now ends at once
};

}  // namespace mishap::spec
