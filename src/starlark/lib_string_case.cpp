// Case and classes, by Unicode's simple mappings.
#include "lib.h"
#include "unicode.h"
#include "utf8.h"

namespace mishap::starlark {
namespace {

std::string_view self_text(const CallContext& call) { return call.receiver().text(); }

// Whether the text is not empty and all its code points are of a class.
template <class Test>
bool all_are(std::string_view text, Test test) {
  bool all = !text.empty();
  for_each_rune(text, [&](Rune rune, size_t) { all = all && test(rune.value); });
  return all;
}

bool has_cased(std::string_view text) {
  bool found = false;
  for_each_rune(text, [&](Rune rune, size_t) { found = found || unicode::is_cased(rune.value); });
  return found;
}

// Capitals only at the start of words, small letters only inside: what title() makes.
bool is_title_text(std::string_view text) {
  bool cased = false;
  bool previous_cased = false;
  bool good = true;
  for_each_rune(text, [&](Rune rune, size_t) {
    const char32_t c = rune.value;
    const bool capital = unicode::is_upper(c) || unicode::is_title(c);
    const bool lower = unicode::is_lower(c);
    if (capital && (previous_cased || unicode::to_title(c) != c)) good = false;
    if (lower && !previous_cased) good = false;
    previous_cased = capital || lower;
    cased = cased || previous_cased;
  });
  return good && cased;
}

std::string capitalized(std::string_view text) {
  std::string out;
  for_each_rune(text, [&](Rune rune, size_t at) {
    append_rune(out, at == 0 ? unicode::to_title(rune.value) : unicode::to_lower(rune.value));
  });
  return out;
}

std::string title_text(std::string_view text) {
  std::string out;
  bool previous_cased = false;
  for_each_rune(text, [&](Rune rune, size_t) {
    const char32_t c =
        previous_cased ? unicode::to_lower(rune.value) : unicode::to_title(rune.value);
    previous_cased = unicode::is_cased(c);
    append_rune(out, c);
  });
  return out;
}

}  // namespace

void install_string_case(Library& library) {
  const auto text_method = [&](std::string name, std::string (*map)(std::string_view)) {
    library.method(Kind::kString, Signature(std::move(name)),
                   [map](CallContext& call) -> Result<Value> {
                     return call.heap().string(map(self_text(call)));
                   });
  };
  const auto test_method = [&](std::string name, bool (*test)(std::string_view)) {
    library.method(Kind::kString, Signature(std::move(name)),
                   [test](CallContext& call) -> Result<Value> {
                     return Value::boolean(test(self_text(call)));
                   });
  };
  text_method("capitalize", capitalized);
  text_method("lower", unicode::lower_text);
  text_method("upper", unicode::upper_text);
  text_method("title", title_text);
  test_method("isalnum", [](std::string_view text) {
    return all_are(text, [](char32_t c) { return unicode::is_letter(c) || unicode::is_digit(c); });
  });
  test_method("isalpha", [](std::string_view text) { return all_are(text, unicode::is_letter); });
  test_method("isdigit", [](std::string_view text) { return all_are(text, unicode::is_digit); });
  test_method("isspace", [](std::string_view text) { return all_are(text, unicode::is_space); });
  test_method("islower", [](std::string_view text) {
    return has_cased(text) && unicode::lower_text(text) == text;
  });
  test_method("isupper", [](std::string_view text) {
    return has_cased(text) && unicode::upper_text(text) == text;
  });
  test_method("istitle", is_title_text);
}

}  // namespace mishap::starlark
