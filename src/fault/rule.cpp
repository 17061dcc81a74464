#include "mishap/fault/rule.h"

#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "mishap/base/text.h"

namespace mishap::fault {
namespace {

struct KindName {
  FdKinds kind;
  std::string_view name;
};

constexpr std::array<KindName, 6> kKindNames = {{{FdKinds::file, "file"},
                                                 {FdKinds::directory, "directory"},
                                                 {FdKinds::socket, "socket"},
                                                 {FdKinds::unix_socket, "unix socket"},
                                                 {FdKinds::pipe, "pipe"},
                                                 {FdKinds::other, "other"}}};

std::string kinds_text(FdKinds kinds) {
  std::string text;
  for (const KindName& one : kKindNames) {
    if (!contains(kinds, one.kind)) continue;
    // A scope written as "socket" holds both families; saying "socket" twice would only puzzle.
    if (one.kind == FdKinds::unix_socket && contains(kinds, FdKinds::socket)) continue;
    text.append(text.empty() ? "" : ",").append(one.name);
  }
  return text;
}

}  // namespace

std::string Scope::text() const {
  std::string text;
  switch (kind) {
    case ScopeKind::any_fd:
      text = "any";
      break;
    case ScopeKind::kinds:
      text = kinds_text(kinds);
      break;
    case ScopeKind::new_blocks:
      text = "file needing new blocks";
      break;
    case ScopeKind::changes:
      text = "change of a file system";
      break;
    case ScopeKind::grows:
      text = "growing file";
      break;
  }
  return automatic ? "auto:" + text : text;
}

std::string SyscallRule::conditions() const {
  std::string text;
  if (!to.empty()) text += " to=" + join(to, ",");
  if (!path_glob.empty()) text += " path=" + path_glob;
  if (!scope.automatic) text += " scope=" + scope.text();
  return text + trigger.text();
}

Scope scope_of_errno(int errno_value) {
  switch (errno_value) {
    case ENOSPC:
    case EDQUOT:
      return {ScopeKind::new_blocks, FdKinds::file};
    case EROFS:
      return {ScopeKind::changes, FdKinds::file | FdKinds::directory};
    case EFBIG:
      return {ScopeKind::grows, FdKinds::file};
    case ECONNABORTED:
    case ECONNREFUSED:
    case ECONNRESET:
    case ENETDOWN:
    case ENETRESET:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ETIMEDOUT:
    case EPIPE:
    case ENOTCONN:
      return {ScopeKind::kinds, FdKinds::socket};
    default:
      return {};
  }
}

Result<Scope> parse_scope(const std::vector<std::string>& words) {
  static const std::vector<std::string> kWords = {"auto", "any", "file", "socket", "pipe"};
  Scope scope{ScopeKind::kinds, FdKinds::none, false};
  for (const std::string& word : words) {
    if (word == "any") {
      scope.kind = ScopeKind::any_fd;
      scope.kinds = FdKinds::any;
    } else if (word == "file") {
      scope.kinds = scope.kinds | FdKinds::file | FdKinds::directory;
    } else if (word == "socket") {
      scope.kinds = scope.kinds | FdKinds::socket | FdKinds::unix_socket;
    } else if (word == "pipe") {
      scope.kinds = scope.kinds | FdKinds::pipe;
    } else if (word == "auto") {
      return fail("scope \"auto\" is what a fault without scope= has; it stands alone");
    } else {
      return fail(
          fmt::format("unknown scope \"{}\": expected \"any\", \"file\", \"socket\" or \"pipe\"{}",
                      word, did_you_mean(word, kWords)));
    }
  }
  if (words.empty()) return fail("empty scope: expected \"any\", \"file\", \"socket\" or \"pipe\"");
  return scope;
}

std::string_view to_string(ProtocolAction action) {
  switch (action) {
    case ProtocolAction::respond:
      return "respond";
    case ProtocolAction::error:
      return "error";
    case ProtocolAction::delay:
      return "delay";
    case ProtocolAction::drop:
      return "drop";
    case ProtocolAction::duplicate:
      return "duplicate";
  }
  return "";
}

std::string_view to_string(PartitionDirection direction) {
  switch (direction) {
    case PartitionDirection::both:
      return "both";
    case PartitionDirection::a_to_b:
      return "a_to_b";
    case PartitionDirection::b_to_a:
      return "b_to_a";
  }
  return "";
}

std::string_view to_string(LinkAction action) {
  switch (action) {
    case LinkAction::delay:
      return "packet_delay";
    case LinkAction::stall:
      return "packet_drop";
    case LinkAction::reset:
      return "packet_reset";
  }
  return "";
}

}  // namespace mishap::fault
