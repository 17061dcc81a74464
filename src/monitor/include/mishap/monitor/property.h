// Temporal properties: what must hold some day (`eventually`) or all the time (`always`) of a test.
//
// A property is judged over the log, prefix by prefix: after every event its predicate is asked
// about all events so far, so what it says does not depend on how fast anybody looks. Time has no
// part in it; what ends a test (its cause) is told at the end, and together with the state that a
// property has reached gives its verdict.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "mishap/base/duration.h"
#include "mishap/base/source_pos.h"
#include "mishap/event/log.h"
#include "mishap/monitor/monitor.h"

namespace mishap::monitor {

enum class PropertyKind { eventually, always };

/// Moments of a test that are no events. `stable`: an await_stable() returned.
enum class Moment { body_start, body_end, stable };

/// Where a window opens or closes: at the first such moment, at the first such event, or nowhere in
/// particular.
struct Anchor {
  std::optional<Moment> moment;
  std::function<bool(const event::Event&)> event;
  bool given() const { return moment.has_value() || event != nullptr; }
};

/// What a predicate says, or why it could not.
using Answer = tl::expected<bool, Objection>;

struct PropertySpec {
  uint64_t id = 0;   ///< identity of the declared value: the same one added twice counts once
  std::string name;  ///< "eventually(settled)"
  PropertyKind kind = PropertyKind::eventually;
  /// Asked about the first `count` events. Never called by two threads at once.
  std::function<Answer(size_t count)> predicate;
  Anchor from;    ///< not given: open from the start
  Anchor to;      ///< of an always; not given: it has no end
  SourcePos pos;  ///< of the predicate: where a falsy answer points
  std::string source_line;
};

enum class PropertyState {
  satisfied,
  unsatisfied,
  broken,  ///< an eventually whose predicate raised when it was last asked
  violated,
  held_unbounded,
  held_to_its_end,
  held_so_far,   ///< bounded, the end not reached
  never_opened,  ///< so its predicate was never asked
};

/// What ended the test.
enum class Cause {
  returned,  ///< the body did
  terminate_when,
  timeout,
  failed,  ///< the body raised, or an always() was violated
};

enum class PropertyVerdict { pass, fail, pending };
std::string_view to_string(PropertyVerdict verdict);
PropertyVerdict verdict_of(PropertyState state, Cause cause);

struct PropertyOutcome {
  std::string name;
  PropertyState state = PropertyState::unsatisfied;
  PropertyVerdict verdict = PropertyVerdict::pass;
  std::string why;      ///< of what did not pass, reads after "NAME: "
  std::string vacuous;  ///< why it holds only because it was never asked; "" elsewhere
  SourcePos pos;        ///< as in Objection
  std::string source_line;
  std::string backtrace;
};

/// The properties of one test. `advance` and `finish` are called by one thread at a time, all else
/// by any. No lock is held while a predicate runs.
class PropertySet {
 public:
  enum class Role {
    expectation,
    terminator,  ///< ends the test when it says pass, and is no expectation
  };

  /// `log` outlives it.
  explicit PropertySet(const event::Log& log) : log_(log) {}

  /// To be set before anything is signalled; called by the thread that advances.
  struct Listener {
    std::function<void()> violated;    ///< an always() is, the first time
    std::function<void()> terminated;  ///< a terminator says pass, the first time
  };
  void listen(Listener listener) { listener_ = std::move(listener); }

  /// Judged from the body's start on, or from now when that has been. Anchors also look at what
  /// happened before.
  void add(PropertySpec spec, Role role);
  /// Something happened after the events that the log has now.
  void signal(Moment moment);

  /// Judges all that has happened and was not judged yet. Nothing before the body's start.
  void advance();
  /// As above, and asks once more about the whole log.
  void finish();

  /// No eventually() is left to wait for, or an always() is violated.
  bool settled() const;
  bool violated() const;
  /// Waits until `settled` or one of the listener's calls may have become due.
  void wait_for_change(std::chrono::steady_clock::time_point deadline) const;

  bool any() const;
  /// An always() is expected and has not been violated: what still happens may do so.
  bool any_to_hold() const;
  /// Of the expectations, in order of their registration. `limit`: the time they had.
  std::vector<PropertyOutcome> outcomes(Cause cause, Nanoseconds limit) const;
  /// Why a terminator cannot say pass: its predicate raised when it was last asked. "" otherwise.
  std::string broken_terminator() const;

 private:
  struct Entry;
  struct Arrival {
    size_t position = 0;  ///< after so many events
    std::shared_ptr<Entry> entry;
    Moment moment = Moment::body_start;
  };
  struct Happened {
    Moment moment;
    size_t position;
  };
  struct Progress {
    size_t events, moments;
  };
  void arrive(const Arrival& arrival);
  void activate(Entry& entry);
  std::optional<Progress> opened(const Anchor& from) const;
  bool closed_since(const Anchor& to, const Progress& opening) const;
  std::optional<size_t> first_event(const Anchor& anchor, size_t from) const;
  void observe(const event::Event& event);
  void observe(Moment moment);
  void open(Entry& entry);
  void close(Entry& entry);
  void ask(Entry& entry);
  void conclude(Entry& entry, const Answer& answer);
  void set_state(Entry& entry, PropertyState state);
  void tell(Entry& entry);

  const event::Log& log_;
  Listener listener_;

  // Of the thread that advances.
  size_t next_ = 0;  ///< events that have been judged
  std::vector<Happened> happened_;
  std::vector<std::shared_ptr<Entry>> active_;
  bool told_violated_ = false, told_terminated_ = false;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool started_ = false;
  std::deque<Arrival> arrivals_;
  std::vector<std::shared_ptr<Entry>> entries_;  ///< in order of registration
};

}  // namespace mishap::monitor
