// The values a spec handles: services, interfaces, faults, assumptions, monitors, events,
// responses.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mishap/engine/service.h"
#include "mishap/event/event.h"
#include "mishap/event/filter.h"
#include "mishap/event/trace.h"
#include "mishap/fault/rule.h"
#include "mishap/monitor/property.h"
#include "mishap/starlark/starlark.h"
#include "mishap/traffic/protocol.h"

namespace mishap::spec {

using starlark::Thread;
using starlark::Value;

/// A value that only carries a plain struct: identity equality, a type name and a text.
template <class T>
class Carrier : public starlark::HostObject {
 public:
  explicit Carrier(T carried) : value(std::move(carried)) {}
  T value;
};

class ServiceValue final : public starlark::HostObject {
 public:
  explicit ServiceValue(engine::Service declared) : service(std::move(declared)) {}
  const engine::Service service;
  std::string_view type_name() const override { return "service"; }
  void append_repr(std::string& out) const override;
  Result<Value> attr(Thread& thread, std::string_view name) override;
  std::vector<std::string> attr_names() const override;
};

/// What tls_cert() gives.
struct TlsDeclaration {
  std::shared_ptr<const engine::Tls> tls;
  std::string shown;  ///< its arguments, as written
};
class TlsValue final : public Carrier<TlsDeclaration> {
 public:
  using Carrier::Carrier;
  std::string_view type_name() const override { return "tls_cert"; }
  void append_repr(std::string& out) const override { out += "<tls_cert " + value.shown + ">"; }
};

class InterfaceValue final : public Carrier<engine::Interface> {
 public:
  using Carrier::Carrier;
  std::string_view type_name() const override { return "interface"; }
  void append_repr(std::string& out) const override;
};

/// `svc.iface`. Two references to the same interface are equal.
class InterfaceRef final : public starlark::HostObject {
 public:
  InterfaceRef(std::string service_name, bool from_image, engine::Interface declared)
      : service(std::move(service_name)), from_image(from_image), interface(std::move(declared)) {}
  const std::string service;
  const bool from_image;
  const engine::Interface interface;
  std::string_view type_name() const override { return "interface_ref"; }
  void append_repr(std::string& out) const override;
  Result<uint64_t> hash() const override;
  Result<bool> equals(const HostObject& other, int depth) const override;
  Result<Value> attr(Thread& thread, std::string_view name) override;
  std::vector<std::string> attr_names() const override;
};

/// `svc.iface.method`.
class StepMethodValue final : public starlark::HostObject {
 public:
  StepMethodValue(std::string service_name, engine::Interface declared,
                  traffic::StepMethod step_method)
      : service(std::move(service_name)),
        interface(std::move(declared)),
        method(std::move(step_method)) {}
  const std::string service;
  const engine::Interface interface;
  const traffic::StepMethod method;
  std::string_view type_name() const override { return "step_method"; }
  void append_repr(std::string& out) const override;
  bool callable() const override { return true; }
  Result<Value> call(Thread& thread, const starlark::CallArgs& args) override;
};

/// What a step gave.
class ResponseValue final : public starlark::HostObject {
 public:
  ResponseValue(traffic::StepResult step_result, int64_t milliseconds)
      : result(std::move(step_result)), duration_ms(milliseconds) {}
  const traffic::StepResult result;
  const int64_t duration_ms;
  std::string_view type_name() const override { return "response"; }
  void append_repr(std::string& out) const override;
  bool truth() const override { return result.ok; }
  Result<uint64_t> hash() const override;
  Result<Value> attr(Thread& thread, std::string_view name) override;
  std::vector<std::string> attr_names() const override;
  void visit_children(const starlark::ValueVisitor& visit) override { visit(data_); }

 private:
  Value data_;  // made on first use
};

/// `.data` of a redis step: the value itself that also answers to the key "value".
class WrappedValue final : public starlark::HostObject {
 public:
  explicit WrappedValue(Value wrapped) : value_(std::move(wrapped)) {}
  std::string_view type_name() const override { return starlark::type_name(value_); }
  void append_repr(std::string& out) const override { starlark::append_repr(out, value_); }
  void append_str(std::string& out) const override { starlark::append_str(out, value_); }
  bool truth() const override { return starlark::truth(value_); }
  Result<uint64_t> hash() const override { return starlark::hash(value_); }
  Result<Value> attr(Thread& thread, std::string_view name) override;
  std::optional<int64_t> length() const override;
  Result<Value> index(Thread& thread, const Value& key) override;
  bool iterable() const override { return starlark::is_iterable(value_); }
  std::unique_ptr<starlark::HostIterator> iterate(Thread& thread) override;
  Result<std::optional<bool>> contains(Thread& thread, const Value& item) override;
  Result<Value> binary(Thread& thread, starlark::BinaryOperator op, const Value& other,
                       bool reversed) override;
  void visit_children(const starlark::ValueVisitor& visit) override { visit(value_); }

 private:
  Value value_;
};

class HealthcheckValue final : public Carrier<engine::Healthcheck> {
 public:
  using Carrier::Carrier;
  std::string_view type_name() const override { return "healthcheck"; }
  void append_repr(std::string& out) const override;
};

/// deny, delay("…") and allow: a syscall rule that does not know its service yet.
class SyscallFaultValue final : public Carrier<fault::SyscallRule> {
 public:
  using Carrier::Carrier;
  std::string_view type_name() const override { return "fault"; }
  void append_repr(std::string& out) const override;
};

/// response, error, drop, delay(delay=…): a protocol rule that does not know its interface yet.
class ProtocolFaultValue final : public Carrier<fault::ProtocolRule> {
 public:
  using Carrier::Carrier;
  std::string_view type_name() const override { return "proxy_fault"; }
  void append_repr(std::string& out) const override;
};

/// packet_delay, packet_drop, packet_reset: a rule for a link that does not know its interface yet.
class PacketFaultValue final : public Carrier<fault::LinkRule> {
 public:
  using Carrier::Carrier;
  std::string_view type_name() const override { return "packet_fault"; }
  void append_repr(std::string& out) const override;
};

struct Assumption {
  std::string name;
  std::string description;
  std::vector<fault::SyscallRule> syscall_rules;  ///< of all its parts, resolved
  std::vector<fault::ProtocolRule> protocol_rules;
  std::vector<fault::PartitionRule> partitions;
  std::vector<Value> monitors;  ///< MonitorValue
  SourcePos pos;
};

class AssumptionValue final : public Carrier<Assumption> {
 public:
  using Carrier::Carrier;
  std::string_view type_name() const override { return "fault_assumption"; }
  void append_repr(std::string& out) const override;
  void visit_children(const starlark::ValueVisitor& visit) override;
};

struct MonitorDeclaration {
  std::string name;
  std::string service;  ///< old form's filter, "" = all
  bool finished_trace = false;
  Value on_event;                   ///< old form: called with each event
  Value on;                         ///< new form: matcher or callable
  Value state_init, update, check;  ///< invalid when not given
  SourcePos pos;
};

class MonitorValue final : public Carrier<MonitorDeclaration> {
 public:
  using Carrier::Carrier;
  std::string_view type_name() const override { return "monitor"; }
  void append_repr(std::string& out) const override { out += "<monitor " + value.name + ">"; }
  void visit_children(const starlark::ValueVisitor& visit) override;
};

struct OpDeclaration {
  engine::NamedOperation operation;
};
class OpValue final : public Carrier<OpDeclaration> {
 public:
  using Carrier::Carrier;
  std::string_view type_name() const override { return "op"; }
};

class ObserveValue final : public Carrier<engine::Observation> {
 public:
  using Carrier::Carrier;
  std::string_view type_name() const override { return "observe_source"; }
  void append_repr(std::string& out) const override;
};

struct NamedDecoder {
  std::string name;
  std::shared_ptr<const event::Decoder> decoder;
};
class DecoderValue final : public Carrier<NamedDecoder> {
 public:
  using Carrier::Carrier;
  std::string_view type_name() const override { return "decoder"; }
  void append_repr(std::string& out) const override { out += "<decoder " + value.name + ">"; }
};

/// An event of the running cell. The record belongs to the log.
class EventValue final : public starlark::HostObject {
 public:
  /// `lenient`: an absent attribute is "" (where= and old monitors) instead of an error. `around`:
  /// the events among which its methods look for others.
  EventValue(const event::Event& recorded, bool lenient, event::Trace around)
      : event(recorded), trace(around), lenient_(lenient) {}
  const event::Event& event;
  const event::Trace trace;
  std::string_view type_name() const override { return "event"; }
  void append_repr(std::string& out) const override;
  Result<bool> equals(const HostObject& other, int depth) const override;
  Result<Value> attr(Thread& thread, std::string_view name) override;
  Value attr_fallback(Thread& thread, std::string_view name) override;
  std::vector<std::string> attr_names() const override;
  Result<Value> index(Thread& thread, const Value& key) override;
  Result<std::optional<bool>> contains(Thread& thread, const Value& item) override;

 private:
  bool lenient_;
};

/// match.event(…), match.any(…), …
class MatcherValue final : public starlark::HostObject {
 public:
  enum class Kind { event, any, all, never };
  MatcherValue(Kind matcher_kind, event::Filter criteria, std::vector<Value> parts)
      : kind_(matcher_kind), filter_(std::move(criteria)), parts_(std::move(parts)) {}
  std::string_view type_name() const override { return "matcher"; }
  void append_repr(std::string& out) const override;
  void visit_children(const starlark::ValueVisitor& visit) override;
  bool matches(const event::Event& event) const;
  /// As written: `any(event(type="stdout"), never)`.
  void append_text(std::string& out) const;
  /// Two matchers of the same key match the same events.
  void append_key(std::string& out) const;

 private:
  Kind kind_;
  event::Filter filter_;
  std::vector<Value> parts_;
};

/// An end of a window of always(): a matcher, a moment, or neither.
struct AnchorDeclaration {
  std::optional<monitor::Moment> moment;
  Value matcher;  ///< or callable; invalid when not given
  bool given() const { return moment.has_value() || matcher.is_valid(); }
};

struct PropertyDeclaration {
  monitor::PropertyKind kind = monitor::PropertyKind::eventually;
  Value predicate;
  AnchorDeclaration from, to;
  SourcePos pos;
  std::string name() const;  ///< "eventually(settled)"
};

/// What eventually() and always() give.
class PropertyValue final : public Carrier<PropertyDeclaration> {
 public:
  using Carrier::Carrier;
  std::string_view type_name() const override;
  void append_repr(std::string& out) const override;
  void visit_children(const starlark::ValueVisitor& visit) override;
};

/// What a predicate of a property is given: the events so far.
class TraceValue final : public starlark::HostObject {
 public:
  /// `index`: of the property, shared by all its traces; one thread at a time uses it.
  TraceValue(event::Trace so_far, std::shared_ptr<event::MatchIndex> index)
      : trace(so_far), index_(std::move(index)) {}
  const event::Trace trace;
  std::string_view type_name() const override { return "trace"; }
  Result<Value> attr(Thread& thread, std::string_view name) override;
  std::vector<std::string> attr_names() const override;

 private:
  std::shared_ptr<event::MatchIndex> index_;
};

/// Events in log order, as the methods of a trace give them.
class EventsValue final : public starlark::HostObject {
 public:
  EventsValue(std::vector<const event::Event*> found, event::Trace around)
      : events(std::make_shared<std::vector<const event::Event*>>(std::move(found))),
        trace(around) {}
  const std::shared_ptr<const std::vector<const event::Event*>> events;  ///< also of iterators
  const event::Trace trace;
  std::string_view type_name() const override { return "events"; }
  void append_repr(std::string& out) const override;
  bool truth() const override { return !events->empty(); }
  Result<Value> attr(Thread& thread, std::string_view name) override;
  std::vector<std::string> attr_names() const override;
  std::optional<int64_t> length() const override { return static_cast<int64_t>(events->size()); }
  Result<Value> index(Thread& thread, const Value& key) override;
  bool iterable() const override { return true; }
  std::unique_ptr<starlark::HostIterator> iterate(Thread& thread) override;
};

/// expect_success() and its like: callables that take the scenario's result.
class ExpectationValue final : public starlark::HostObject {
 public:
  using Judge = std::function<Result<void>(Thread&, const Value&)>;
  ExpectationValue(std::string shown, Judge judge)
      : shown_(std::move(shown)), judge_(std::move(judge)) {}
  const std::string& shown() const { return shown_; }
  std::string_view type_name() const override { return "expectation"; }
  void append_repr(std::string& out) const override { out += "<" + shown_ + ">"; }
  bool callable() const override { return true; }
  Result<Value> call(Thread& thread, const starlark::CallArgs& args) override;

 private:
  std::string shown_;
  Judge judge_;
};

/// Names of what is callable, for reports: a function's name, "expect_success".
std::string callable_name(const Value& callable);

}  // namespace mishap::spec
