#include "status.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include <fmt/format.h>

#include "mishap/base/text.h"

namespace mishap::protocols::grpc {
namespace {

struct Name {
  std::string_view upper, shown;
};
constexpr std::array<Name, kLastCode + 1> kNames = {{
    {"OK", "OK"},
    {"CANCELLED", "Canceled"},
    {"UNKNOWN", "Unknown"},
    {"INVALID_ARGUMENT", "InvalidArgument"},
    {"DEADLINE_EXCEEDED", "DeadlineExceeded"},
    {"NOT_FOUND", "NotFound"},
    {"ALREADY_EXISTS", "AlreadyExists"},
    {"PERMISSION_DENIED", "PermissionDenied"},
    {"RESOURCE_EXHAUSTED", "ResourceExhausted"},
    {"FAILED_PRECONDITION", "FailedPrecondition"},
    {"ABORTED", "Aborted"},
    {"OUT_OF_RANGE", "OutOfRange"},
    {"UNIMPLEMENTED", "Unimplemented"},
    {"INTERNAL", "Internal"},
    {"UNAVAILABLE", "Unavailable"},
    {"DATA_LOSS", "DataLoss"},
    {"UNAUTHENTICATED", "Unauthenticated"},
}};

std::optional<int> hex_byte(std::string_view digits) {
  int value = 0;
  auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != 2 || problem != std::errc() || end != digits.data() + 2) return std::nullopt;
  return value;
}

}  // namespace

std::string code_name(int code) {
  const bool known = code >= 0 && code <= kLastCode;
  return known ? std::string(kNames[static_cast<size_t>(code)].shown) : std::to_string(code);
}

Result<int> parse_code(std::string_view text) {
  const std::string upper = to_upper(text);
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i].upper == upper || to_upper(kNames[i].shown) == upper) return static_cast<int>(i);
  }
  int number = -1;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = problem == std::errc() && end == text.data() + text.size();
  if (is_number && number >= 0 && number <= kLastCode) return number;
  std::vector<std::string> known;
  known.reserve(kNames.size());
  for (const Name& name : kNames) known.emplace_back(name.upper);
  if (is_number)
    return fail(
        fmt::format("{} is no status of grpc: they go from 1 to 16 (14 is UNAVAILABLE)", text));
  return fail(fmt::format("\"{}\" is no status of grpc{}", text, nearest_or_all(upper, known)));
}

std::string percent_encoded(std::string_view message) {
  std::string out;
  for (char c : message) {
    auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte <= 0x7e && c != '%') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  return out;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = text[i] == '%' ? hex_byte(text.substr(i + 1, 2)) : std::nullopt;
    out += byte ? static_cast<char>(*byte) : text[i];
    if (byte) i += 2;
  }
  return out;
}

int code_of_reset(uint32_t http2_code) {
  constexpr int kCancelled = 1, kPermissionDenied = 7, kResourceExhausted = 8;
  switch (http2_code) {
    case 0x7:  // REFUSED_STREAM
      return kUnavailable;
    case 0x8:  // CANCEL
      return kCancelled;
    case 0xb:  // ENHANCE_YOUR_CALM
      return kResourceExhausted;
    case 0xc:  // INADEQUATE_SECURITY
      return kPermissionDenied;
    default:
      return kInternal;
  }
}

int code_of_http_status(int status) {
  constexpr int kPermissionDenied = 7, kUnauthenticated = 16;
  switch (status) {
    case 400:
      return kInternal;
    case 401:
      return kUnauthenticated;
    case 403:
      return kPermissionDenied;
    case 404:
      return kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return kUnavailable;
    default:
      return kUnknown;
  }
}

}  // namespace mishap::protocols::grpc
