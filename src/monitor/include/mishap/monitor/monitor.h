// Monitors: invariants that a spec states over the events of a cell.
//
// Two forms. A `stream` monitor keeps a state and looks at events as they arrive, in seq order. A
// `finished_trace` monitor is asked once for every event after the scenario returned and the
// sources have drained, so that what it looks up in the log is all that happened. What a monitor
// says is behind small interfaces; the spec bridge implements them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "mishap/base/source_pos.h"
#include "mishap/event/event.h"
#include "mishap/event/log.h"

namespace mishap::monitor {

/// Why an event violates an invariant.
struct Objection {
  std::string message;  ///< what fail() was given, or the error raised; "" when check said False
  SourcePos pos;        ///< where in the spec it arose; line 0: nowhere in particular
  std::string source_line;
  std::string backtrace;  ///< rendered, may be empty
};
/// Nothing: the invariant holds.
using Judgement = std::optional<Objection>;

/// One running stream monitor with its state. Called by one thread at a time; destroyed by the one
/// that feeds, or once nobody does.
class StreamMonitor {
 public:
  virtual ~StreamMonitor() = default;
  /// The monitor's `on`. One that raises accepts nothing.
  virtual bool accepts(const event::Event& event) = 0;
  /// Update, then check. With an objection (check said no, or a callback raised) the state stays
  /// what it was.
  virtual Judgement step(const event::Event& event) = 0;
};

/// Called for one event of the finished trace.
using TraceMonitor = std::function<Judgement(const event::Event&)>;

enum class Kind { stream, finished_trace };

/// A monitor as the spec declared it. One declaration may be registered in several cells and
/// places.
struct MonitorSpec {
  uint64_t id = 0;  ///< identity of the declared value: the same one reached twice runs once
  std::string name;
  std::string service;  ///< only events of this service; "" = all
  Kind kind = Kind::stream;
  std::function<std::unique_ptr<StreamMonitor>()>
      make_stream;        ///< stream: a fresh state for each registration
  TraceMonitor on_event;  ///< finished_trace
};

struct Violation {
  std::string monitor;
  /// `monitor "N" violated at event seq=7 type=stdout service=stock` (with ": " and the error when
  /// a callback raised), or for the finished trace `<text given to fail()> (event seq=7)`.
  std::string message;
  uint64_t seq = 0;
  std::string type;
  std::string service;
  SourcePos pos;  ///< as in Objection
  std::string source_line;
  std::string backtrace;
};

/// The monitors of one test. Where a monitor begins and ends is a place in the log, however late
/// its events are fed. `feed` and `finish` are called by one thread at a time (a Log's delivery
/// is); the others on any thread, also from inside a monitor. No lock is held while a monitor runs.
class MonitorSet {
 public:
  /// `log` outlives it.
  explicit MonitorSet(const event::Log& log) : log_(log) {}

  /// Starts a monitor: a stream one sees the events that the log does not have yet. Adding a
  /// running one again (same id) only counts; `remove` must then be called as often before it
  /// stops.
  void add(const MonitorSpec& spec);
  void remove(uint64_t id);
  bool any() const;

  /// Shows an event to the stream monitors.
  void feed(const event::Event& event);
  /// Runs the finished_trace monitors, each over all events that the log has now.
  void finish();

  /// In the order found. Each monitor keeps its first 1000; `violation_count` counts all.
  std::vector<Violation> violations() const;
  uint64_t violation_count() const;

 private:
  struct Running;
  std::vector<std::shared_ptr<Running>> watching(uint64_t seq);
  std::vector<std::shared_ptr<Running>> running(Kind kind) const;
  void record(Running& monitor, const event::Event& event, Objection objection);

  const event::Log& log_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Running>> running_;
  std::vector<Violation> violations_;
  uint64_t violation_count_ = 0;
};

}  // namespace mishap::monitor
