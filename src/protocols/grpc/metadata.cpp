#include "metadata.h"

#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"

namespace mishap::protocols::grpc {
namespace {

/// gRPC's own, and HTTP/2's.
bool is_reserved(const std::string& lower) {
  return lower.empty() || lower.front() == ':' || lower.starts_with("grpc-") || lower == "te" ||
         lower == "content-type" || lower == "user-agent" || lower == "connection" ||
         lower == "host";
}

bool is_field_name(const std::string& lower) {
  return std::all_of(lower.begin(), lower.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

Result<std::string> metadata_name(std::string_view name) {
  std::string lower = to_lower(name);
  if (is_reserved(lower))
    return fail(fmt::format("metadata \"{}\" is reserved for the protocol", name));
  if (is_field_name(lower)) return lower;
  return fail(
      fmt::format("metadata \"{}\" is no name: letters, digits, and _ - . are allowed", name));
}

}  // namespace mishap::protocols::grpc
