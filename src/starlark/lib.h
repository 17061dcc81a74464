// The parts of the standard library; install_standard_library calls each once. What several parts
// need is here too.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "mishap/base/result.h"
#include "mishap/starlark/callable.h"
#include "mishap/starlark/library.h"
#include "mishap/starlark/operations.h"

#include "bounds.h"

namespace mishap::starlark {

void install_universe(Library& library);            // what every value has: type, str, dir, print…
void install_universe_numbers(Library& library);    // conversions to and from numbers
void install_universe_sequences(Library& library);  // containers and walks over them
void install_universe_order(Library& library);      // sorted, min, max
void install_string_search(Library& library);
void install_string_split(Library& library);
void install_string_case(Library& library);
void install_string_elements(Library& library);
void install_bytes(Library& library);
void install_list(Library& library);
void install_dict(Library& library);
void install_set(Library& library);

/// Calls `visit(item)` (giving Result<bool>, true to go on) for each item of an iterable.
template <class Visit>
Result<void> for_each_item(Thread& thread, const Value& iterable, Visit visit) {
  MISHAP_ASSIGN(auto items, Iteration::start(thread, iterable));
  while (true) {
    MISHAP_ASSIGN(const Value item, items.next());
    if (!item.is_valid()) return {};
    MISHAP_TRY(count_work(1));
    MISHAP_ASSIGN(const bool go_on, visit(item));
    if (!go_on) return {};
  }
}

/// "NAME: message", keeping what else the error knows.
inline tl::unexpected<Error> named(const CallContext& call, Error error) {
  return fail(std::move(error).context(call.name()));
}

/// What dict(), dict.update() do: `updates` (a dict, an iterable of pairs, or invalid for none),
/// then the keywords.
Result<void> update_dict(CallContext& call, Dict& dict, const Value& updates);

/// The number an int or float truncates to. Error: "cannot convert float infinity to integer".
Result<Value> truncated_number(Heap& heap, double value);

/// "list index 3 out of range [-2:1]" or "index 3 out of range: empty list".
std::string out_of_range(std::string_view type, int64_t index, size_t size);

/// Error when a string of that many bytes is more than any program may make, or than the heap may
/// hold.
Result<void> check_size(const CallContext& call, uint64_t bytes);

/// A half-open range of bytes or items.
struct Span {
  size_t start = 0;
  size_t end = 0;
};
/// The optional arguments `first` and `first + 1` (int or None) as a range of `size` items: from
/// the end when negative, clamped, never backwards. Error: "invalid start index: got string, want
/// int".
Result<Span> span_of(const CallContext& call, size_t first, size_t size);

}  // namespace mishap::starlark
