#include "mishap/monitor/property.h"

#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/check.h"

namespace mishap::monitor {
namespace {

/// What a property becomes as its window opens and closes.
enum class Window { waiting, open, closed };

std::string place(const event::Log& log, size_t count) {
  if (count == 0) return "before any event";
  const event::Event& event = log.at(count - 1);
  return fmt::format("at event seq={} type={} service={}", event.seq, event.type, event.service);
}

std::string why_pending(PropertyState state) {
  switch (state) {
    case PropertyState::held_unbounded:
      return "it has no end";
    case PropertyState::held_so_far:
      return "the end of its window was not reached";
    case PropertyState::never_opened:
      return "its window never opened";
    default:
      return "not satisfied yet";
  }
}

}  // namespace

/// Owned by the set's list and by its list of active ones; an arrival is on its way to the latter.
struct PropertySet::Entry {
  PropertySpec spec;
  Role role = Role::expectation;
  // Written under the set's mutex, by the thread that advances and so reads them without it.
  Window window = Window::waiting;
  bool over_before = false;  ///< the window had closed when the property was added
  PropertyState state = PropertyState::unsatisfied;
  std::string raised;
  std::string where;  ///< of a violation
  SourcePos pos;
  std::string source_line, backtrace;

  bool eventually() const { return spec.kind == PropertyKind::eventually; }
  bool final() const {
    return state == PropertyState::satisfied || state == PropertyState::violated ||
           window == Window::closed;
  }
};

std::string_view to_string(PropertyVerdict verdict) {
  switch (verdict) {
    case PropertyVerdict::pass:
      return "pass";
    case PropertyVerdict::fail:
      return "fail";
    case PropertyVerdict::pending:
      return "pending";
  }
  return "?";
}

PropertyVerdict verdict_of(PropertyState state, Cause cause) {
  switch (state) {
    case PropertyState::satisfied:
    case PropertyState::held_to_its_end:
      return PropertyVerdict::pass;
    case PropertyState::broken:
    case PropertyState::violated:
      return PropertyVerdict::fail;
    case PropertyState::unsatisfied:
      return cause == Cause::timeout ? PropertyVerdict::pending : PropertyVerdict::fail;
    case PropertyState::held_unbounded:
    case PropertyState::held_so_far:
    case PropertyState::never_opened:
      return cause == Cause::timeout ? PropertyVerdict::pending : PropertyVerdict::pass;
  }
  return PropertyVerdict::fail;
}

void PropertySet::add(PropertySpec spec, Role role) {
  MISHAP_CHECK(spec.predicate != nullptr, "property {}", spec.name);
  std::lock_guard lock(mutex_);
  bool known = std::any_of(entries_.begin(), entries_.end(), [&](const auto& entry) {
    return entry->spec.id == spec.id && entry->role == role;
  });
  if (known) return;
  auto entry = std::make_shared<Entry>();
  entry->spec = std::move(spec);
  entry->role = role;
  if (!entry->eventually()) entry->state = PropertyState::never_opened;
  entry->pos = entry->spec.pos;
  entry->source_line = entry->spec.source_line;
  entries_.push_back(entry);
  arrivals_.push_back({log_.size(), std::move(entry), {}});
}

void PropertySet::signal(Moment moment) {
  std::lock_guard lock(mutex_);
  size_t position = log_.size();
  if (moment == Moment::body_start && !started_) {
    started_ = true;
    next_ = position;
  }
  arrivals_.push_back({position, nullptr, moment});
}

/// Arrivals and events take turns in the order in which they came.
void PropertySet::advance() {
  while (true) {
    Arrival arrival;
    {
      std::lock_guard lock(mutex_);
      if (!started_) return;
      bool due = !arrivals_.empty() && arrivals_.front().position <= next_;
      if (!due && next_ >= log_.size()) return;
      if (due) {
        arrival = std::move(arrivals_.front());
        arrivals_.pop_front();
      } else {
        arrival.position = SIZE_MAX;
      }
    }
    if (arrival.position == SIZE_MAX) {
      observe(log_.at(next_));
    } else {
      arrive(arrival);
    }
    changed_.notify_all();
  }
}

void PropertySet::arrive(const Arrival& arrival) {
  if (arrival.entry != nullptr) {
    activate(*arrival.entry);
    active_.push_back(arrival.entry);
    return;
  }
  observe(arrival.moment);
  happened_.push_back({arrival.moment, next_});
}

/// Index of the first event from `from` on that is judged already and matches.
std::optional<size_t> PropertySet::first_event(const Anchor& anchor, size_t from) const {
  if (anchor.event == nullptr) return std::nullopt;
  for (size_t i = from; i < next_; ++i) {
    if (anchor.event(log_.at(i))) return i;
  }
  return std::nullopt;
}

/// How far the log and the moments had come when the window opened; nothing: it has not.
std::optional<PropertySet::Progress> PropertySet::opened(const Anchor& from) const {
  if (!from.given()) return Progress{next_, happened_.size()};
  if (from.moment) {
    auto found = std::find_if(happened_.begin(), happened_.end(),
                              [&](const auto& h) { return h.moment == *from.moment; });
    if (found != happened_.end())
      return Progress{found->position, static_cast<size_t>(found - happened_.begin()) + 1};
    // Nothing is judged before the body's start: it is what arrives next.
    if (from.moment == Moment::body_start) return Progress{next_, happened_.size()};
    return std::nullopt;
  }
  auto event = first_event(from, 0);
  if (!event) return std::nullopt;
  auto later = std::find_if(happened_.begin(), happened_.end(),
                            [&](const auto& h) { return h.position > *event; });
  return Progress{*event + 1, static_cast<size_t>(later - happened_.begin())};
}

bool PropertySet::closed_since(const Anchor& to, const Progress& opening) const {
  return first_event(to, opening.events).has_value() ||
         std::any_of(happened_.begin() + static_cast<ptrdiff_t>(opening.moments), happened_.end(),
                     [&](const auto& h) { return h.moment == to.moment; });
}

/// A property that joins late finds out where it would be: its window may be open, or over.
void PropertySet::activate(Entry& entry) {
  auto opening = opened(entry.spec.from);
  if (!opening) return;
  if (closed_since(entry.spec.to, *opening)) {
    {
      std::lock_guard lock(mutex_);
      entry.over_before = true;
    }
    return close(entry);
  }
  open(entry);
  ask(entry);
}

void PropertySet::observe(const event::Event& event) {
  ++next_;
  for (const auto& entry : active_) {
    if (entry->final()) continue;
    const PropertySpec& spec = entry->spec;
    if (entry->window == Window::waiting) {
      if (spec.from.event == nullptr || !spec.from.event(event)) continue;
      open(*entry);
    } else if (spec.to.event != nullptr && spec.to.event(event)) {
      close(*entry);
      continue;
    }
    ask(*entry);
  }
}

void PropertySet::observe(Moment moment) {
  for (const auto& entry : active_) {
    if (entry->final()) continue;
    if (entry->window == Window::waiting && entry->spec.from.moment == moment) {
      open(*entry);
      ask(*entry);
    } else if (entry->window == Window::open && entry->spec.to.moment == moment) {
      close(*entry);
    }
  }
}

void PropertySet::open(Entry& entry) {
  std::lock_guard lock(mutex_);
  entry.window = Window::open;
}

void PropertySet::close(Entry& entry) {
  {
    std::lock_guard lock(mutex_);
    entry.window = Window::closed;
  }
  set_state(entry, PropertyState::held_to_its_end);
}

void PropertySet::ask(Entry& entry) { conclude(entry, entry.spec.predicate(next_)); }

void PropertySet::conclude(Entry& entry, const Answer& answer) {
  bool holds = answer.has_value() && *answer;
  if (entry.eventually()) {
    {
      std::lock_guard lock(mutex_);
      entry.raised = answer ? "" : answer.error().message;
      entry.backtrace = answer ? "" : answer.error().backtrace;
      bool elsewhere = !answer && answer.error().pos.line != 0;
      entry.pos = elsewhere ? answer.error().pos : entry.spec.pos;
      entry.source_line = elsewhere ? answer.error().source_line : entry.spec.source_line;
    }
    // One that raises may only be early: the event it looks at is not there yet.
    return set_state(entry, holds     ? PropertyState::satisfied
                            : !answer ? PropertyState::broken
                                      : PropertyState::unsatisfied);
  }
  if (holds) {
    return set_state(
        entry, entry.spec.to.given() ? PropertyState::held_so_far : PropertyState::held_unbounded);
  }
  {
    std::lock_guard lock(mutex_);
    entry.where = place(log_, next_);
    if (!answer) {
      entry.raised = answer.error().message;
      entry.backtrace = answer.error().backtrace;
      if (answer.error().pos.line != 0) {
        entry.pos = answer.error().pos;
        entry.source_line = answer.error().source_line;
      }
    }
  }
  set_state(entry, PropertyState::violated);
}

void PropertySet::set_state(Entry& entry, PropertyState state) {
  {
    std::lock_guard lock(mutex_);
    entry.state = state;
  }
  changed_.notify_all();
  tell(entry);
}

void PropertySet::tell(Entry& entry) {
  bool expected = entry.role == Role::expectation;
  bool violated = expected && entry.state == PropertyState::violated;
  bool passes = !expected && (entry.state == PropertyState::satisfied ||
                              entry.state == PropertyState::held_to_its_end);
  if (violated && !std::exchange(told_violated_, true) && listener_.violated) listener_.violated();
  if (passes && !std::exchange(told_terminated_, true) && listener_.terminated)
    listener_.terminated();
}

void PropertySet::finish() {
  advance();
  for (const auto& entry : active_) {
    if (!entry->final() && entry->window == Window::open) ask(*entry);
  }
}

bool PropertySet::violated() const {
  std::lock_guard lock(mutex_);
  return std::any_of(entries_.begin(), entries_.end(), [](const auto& entry) {
    return entry->role == Role::expectation && entry->state == PropertyState::violated;
  });
}

bool PropertySet::settled() const {
  std::lock_guard lock(mutex_);
  bool waiting = false;
  for (const auto& entry : entries_) {
    if (entry->role != Role::expectation) continue;
    if (entry->state == PropertyState::violated) return true;
    waiting = waiting || (entry->eventually() && entry->state != PropertyState::satisfied);
  }
  return !waiting;
}

void PropertySet::wait_for_change(std::chrono::steady_clock::time_point deadline) const {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline);
}

bool PropertySet::any() const {
  std::lock_guard lock(mutex_);
  return !entries_.empty();
}

bool PropertySet::any_to_hold() const {
  std::lock_guard lock(mutex_);
  return std::any_of(entries_.begin(), entries_.end(), [](const auto& entry) {
    return entry->role == Role::expectation && !entry->eventually() &&
           entry->state != PropertyState::violated;
  });
}

std::vector<PropertyOutcome> PropertySet::outcomes(Cause cause, Nanoseconds limit) const {
  std::lock_guard lock(mutex_);
  std::vector<PropertyOutcome> all;
  for (const auto& entry : entries_) {
    if (entry->role != Role::expectation) continue;
    PropertyOutcome outcome{.name = entry->spec.name,
                            .state = entry->state,
                            .verdict = verdict_of(entry->state, cause),
                            .pos = entry->pos,
                            .source_line = entry->source_line,
                            .backtrace = entry->backtrace};
    bool unopened = entry->window == Window::waiting;
    if (entry->state == PropertyState::never_opened) outcome.vacuous = "its window never opened";
    if (entry->over_before) outcome.vacuous = "its window was over when it was registered";
    if (outcome.verdict == PropertyVerdict::pending) {
      outcome.why = why_pending(entry->state);
    } else if (entry->state == PropertyState::violated) {
      outcome.why = fmt::format("violated {}{}{}", entry->where,
                                entry->raised.empty() ? "" : ": predicate raised: ", entry->raised);
    } else if (entry->state == PropertyState::broken) {
      outcome.why = "predicate raised: " + entry->raised;
    } else if (entry->state == PropertyState::unsatisfied) {
      outcome.why = "not satisfied";
      if (cause == Cause::returned)
        outcome.why += fmt::format(" within {}", format_duration(limit));
      if (cause == Cause::terminate_when) outcome.why += " when terminate_when ended the test";
      if (unopened) outcome.why += "; no event matched its anchor";
    }
    all.push_back(std::move(outcome));
  }
  return all;
}

std::string PropertySet::broken_terminator() const {
  std::lock_guard lock(mutex_);
  for (const auto& entry : entries_) {
    if (entry->role == Role::terminator && !entry->raised.empty())
      return fmt::format("{}: predicate raised: {}", entry->spec.name, entry->raised);
  }
  return "";
}

}  // namespace mishap::monitor
