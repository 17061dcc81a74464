#include "session.h"

#include <algorithm>

#include "sql.h"

namespace mishap::protocols::postgres {

const std::string& Statement::canonical() const {
  if (!canonical_form) canonical_form = canonical_sql(sql);
  return *canonical_form;
}

void Session::sync() {
  if (copying_in_) return;
  skipping_ = false;
  expect(Kind::sync);
}

void Session::parse(std::string_view name, std::string_view sql) {
  expect(Kind::parse);
  if (skipping_) return;
  prepared_[std::string(name)] =
      std::make_shared<const Statement>(Statement{std::string(sql), std::nullopt});
}

void Session::bind(std::string_view portal, std::string_view statement) {
  expect(Kind::bind);
  if (skipping_) return;
  auto found = prepared_.find(statement);
  if (found == prepared_.end()) {
    portals_.erase(std::string(portal));
  } else {
    portals_[std::string(portal)] = Portal{found->second, false};
  }
}

void Session::close(char kind, std::string_view name) {
  expect(Kind::close);
  if (skipping_) return;
  if (kind == 'S') {
    prepared_.erase(std::string(name));
  } else {
    portals_.erase(std::string(name));
  }
}

Portal* Session::find_portal(std::string_view name) {
  auto found = portals_.find(name);
  return found == portals_.end() ? nullptr : &found->second;
}

void Session::swap_last_reply(Swap swap) {
  if (!expected_.empty()) expected_.back().swap = std::move(swap);
}

std::optional<std::string> Session::take_swap(char type) {
  if (expected_.empty() || !expected_.front().swap) return std::nullopt;
  std::optional<Swap>& swap = expected_.front().swap;
  if (type != 'E' && type != swap->type) return std::nullopt;
  std::string bytes = std::move(swap->bytes);
  swap.reset();
  return bytes;
}

void Session::server_message(char type, char status) {
  switch (type) {
    case 'Z':
      return ready(status);
    case 'E':
      return error_reply();
    case 'G':
      return copy_in_began();
    case '1':
      return finish_front(Kind::parse);
    case '2':
      return finish_front(Kind::bind);
    case '3':
      return finish_front(Kind::close);
    case 'T':
    case 'n':
      return finish_front(Kind::describe);
    case 'C':
    case 's':
    case 'I':
      return finish_front(Kind::execute);
    default:
      return;
  }
}

bool Session::in_failed_transaction() const {
  // An unanswered ROLLBACK or Sync may be about to end the block.
  return status_ == 'E' && std::none_of(expected_.begin(), expected_.end(), [](const Expected& e) {
           return ends_with_ready(e.kind) || e.kind == Kind::execute;
         });
}

void Session::finish_front(Kind kind) {
  if (!expected_.empty() && expected_.front().kind == kind) expected_.pop_front();
}

void Session::error_reply() {
  copying_in_ = false;
  if (expected_.empty() || ends_with_ready(expected_.front().kind)) return;
  while (!expected_.empty() && expected_.front().kind != Kind::sync) expected_.pop_front();
  skipping_ = expected_.empty();
}

void Session::copy_in_began() {
  if (expected_.empty()) return;
  copying_in_ = true;
  // A Sync behind the COPY that started this is read, and ignored, as part of the copy.
  auto syncs = std::remove_if(expected_.begin() + 1, expected_.end(),
                              [](const Expected& e) { return e.kind == Kind::sync; });
  expected_.erase(syncs, expected_.end());
}

void Session::ready(char status) {
  while (!expected_.empty()) {
    const bool last = ends_with_ready(expected_.front().kind);
    expected_.pop_front();
    if (last) break;
  }
  status_ = status;
  copying_in_ = false;
  // Portals end with their transaction.
  if (status == 'I' && expected_.empty()) portals_.clear();
}

}  // namespace mishap::protocols::postgres
