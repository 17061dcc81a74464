// sleep, await_event and await_stable: a body that waits. What it waits for is bounded by the
// test's time; a wait that this ends raises, and the test comes to what its time being up means.
#include <cerrno>

#include <fmt/format.h>

#include "binding.h"
#include "matching.h"
#include "values.h"
#include "world.h"

namespace mishap::spec {
namespace {

using starlark::Signature;

/// How soon a wait notices that it was cancelled.
constexpr auto kLook = std::chrono::milliseconds(20);

Result<Value> sleep_for(CallContext& call) {
  MISHAP_ASSIGN(auto* session, acting_session_of(call));
  MISHAP_TRY(check_clock(call, 1));
  MISHAP_ASSIGN(Nanoseconds duration, duration_argument(call, 0));
  if (duration < Nanoseconds(0))
    return call.error(fmt::format("duration=\"{}\" must not be below 0", call.text(0)));
  auto until = net::Clock::now() + duration;
  if (until > session->deadline())
    return call.error("longer than what is left of the test's time; timeout= gives it more");
  BatonRest rest(world_of(call).baton);
  // Nothing ever becomes readable on no descriptor, so this ends at the time or when cancelled.
  auto waited = net::wait_ready(-1, 0, until, &session->cancel());
  if (!waited && waited.error().code == ECANCELED)
    return fail(fmt::format("sleep: it was to last {}", format_duration(duration)), kWaitCancelled);
  return Value::none();
}

/// The wait has been cancelled, or nobody has done so although its time is up.
bool is_over(const cell::Session& session) {
  return session.cancel().is_set() || net::Clock::now() >= session.deadline();
}

/// Lets others run until the log has more than `count` events, at most until `limit`.
void wait_for_more(World& world, cell::Session& session, size_t count, net::Deadline limit) {
  BatonRest rest(world.baton);
  session.log().wait_beyond(count, std::min(limit, net::Clock::now() + kLook));
}

std::string sought(const Value& matcher) {
  auto* written = starlark::host_cast<MatcherValue>(matcher);
  if (written == nullptr) return callable_name(matcher);
  std::string text;
  written->append_text(text);
  return text;
}

Result<Value> await_event(CallContext& call) {
  MISHAP_ASSIGN(auto* session, acting_session_of(call));
  MISHAP_TRY(require_matcher(call, "matcher", call[0]));
  MISHAP_TRY(check_clock(call, 1));
  World& world = world_of(call);
  for (size_t seen = 0; true;) {
    event::Trace trace{&session->log(), event::Trace::kAll};
    for (size_t size = trace.size(); seen < size; ++seen) {
      const event::Event& event = trace.at(seen);
      if (!matches(call.thread(), call[0], event, trace)) continue;
      return call.heap().make<EventValue>(event, false, trace);
    }
    if (is_over(*session)) {
      return fail(fmt::format("await_event: none of {} events matches {}", seen, sought(call[0])),
                  kWaitCancelled);
    }
    wait_for_more(world, *session, seen, session->deadline());
  }
}

/// When the last event came that counts as noise.
struct Quiescence {
  net::Deadline since;
  size_t seen = 0;
  const event::Event* last = nullptr;
};

/// Looks at the events that have come since.
void look(CallContext& call, cell::Session& session, const Value& ignore, Quiescence& quiet) {
  event::Trace trace{&session.log(), event::Trace::kAll};
  for (size_t size = trace.size(); quiet.seen < size; ++quiet.seen) {
    const event::Event& event = trace.at(quiet.seen);
    if (ignore.is_valid() && matches(call.thread(), ignore, event, trace)) continue;
    quiet.last = &event;
    // Its own time is the wall's, which may be set meanwhile.
    auto age = std::chrono::system_clock::now() - event.timestamp;
    quiet.since =
        std::max(quiet.since, net::Clock::now() - std::max<Nanoseconds>(age, Nanoseconds(0)));
  }
}

Result<Value> await_stable(CallContext& call) {
  MISHAP_ASSIGN(auto* session, acting_session_of(call));
  Nanoseconds window = std::chrono::seconds(1);
  if (call.has(0)) {
    MISHAP_ASSIGN(window, positive_duration(call, "quiescence_window", call.text(0)));
  }
  if (call.has(1)) MISHAP_TRY(require_matcher(call, "ignore", call[1]));
  MISHAP_TRY(check_clock(call, 2));
  World& world = world_of(call);
  Quiescence quiet{net::Clock::now(), session->log().size()};
  while (true) {
    look(call, *session, call[1], quiet);
    if (net::Clock::now() - quiet.since >= window) {
      // What happened within the window may be on its way.
      {
        BatonRest rest(world.baton);
        session->catch_up();
      }
      look(call, *session, call[1], quiet);
      if (net::Clock::now() - quiet.since >= window) break;
    }
    if (is_over(*session)) {
      std::string last =
          quiet.last == nullptr
              ? "there was not so much time"
              : fmt::format("the last event was #{} ({} of {})", quiet.last->seq, quiet.last->type,
                            quiet.last->service.empty() ? "nobody" : quiet.last->service);
      return fail(fmt::format("await_stable: no {} passed without an event; {}",
                              format_duration(window), last),
                  kWaitCancelled);
    }
    wait_for_more(world, *session, quiet.seen, quiet.since + window);
  }
  session->properties().signal(monitor::Moment::stable);
  return Value::none();
}

}  // namespace

void install_waits(World& world) {
  define(world,
         Signature("sleep")
             .required("duration", kDurationType)
             .optional("clock", starlark::types::kString),
         sleep_for);
  define(world,
         Signature("await_event")
             .required("matcher")
             .positional_only()
             .keyword_only()
             .optional("clock", starlark::types::kString),
         await_event);
  define(world,
         Signature("await_stable")
             .keyword_only()
             .optional("quiescence_window", kDurationType)
             .nullable("ignore")
             .optional("clock", starlark::types::kString),
         await_stable);
}

}  // namespace mishap::spec
