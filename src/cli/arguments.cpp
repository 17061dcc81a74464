#include "arguments.h"

#include <cerrno>
#include <charconv>
#include <filesystem>

#include <fmt/format.h>
#include <unistd.h>

#include "mishap/base/text.h"

namespace mishap::cli {

Result<uint64_t> number_argument(std::string_view flag, const std::string& text, uint64_t least,
                                 uint64_t most) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end || number < least || number > most) {
    return fail(
        fmt::format("{} \"{}\": write a whole number from {} to {}", flag, text, least, most));
  }
  return number;
}

Result<std::string> word_argument(std::string_view flag, const std::string& text,
                                  std::span<const std::string> known) {
  for (const auto& word : known) {
    if (word == text) return text;
  }
  return fail(fmt::format("{} \"{}\": write {} or {}", flag, text,
                          join(known.first(known.size() - 1), ", "), known.back()));
}

Result<void> writable_argument(std::string_view flag, const std::string& file) {
  if (file.empty()) return {};
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) {
    return fail(fmt::format("{} \"{}\": it is a directory; name a file", flag, file));
  }
  std::filesystem::path directory = std::filesystem::path(file).parent_path();
  if (directory.empty()) directory = ".";
  bool exists = std::filesystem::exists(directory, ignored);
  if (!exists) {
    return fail(fmt::format("{} \"{}\": there is no directory {}; make it first", flag, file,
                            directory.string()));
  }
  if (!std::filesystem::is_directory(directory, ignored))
    return fail(fmt::format("{} \"{}\": {} is not a directory", flag, file, directory.string()));
  if (access(directory.c_str(), W_OK | X_OK) != 0) {
    return fail_errno(fmt::format("{} \"{}\": {}", flag, file, directory.string()), errno);
  }
  return {};
}

std::string listed(std::span<const std::string> names, size_t limit) {
  if (names.size() <= limit) return join(names, ", ");
  return fmt::format("{}, and {} more", join(names.first(limit), ", "), names.size() - limit);
}

}  // namespace mishap::cli
