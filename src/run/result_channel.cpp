#include "result_channel.h"

#include <utility>

#include "mishap/base/json.h"
#include "mishap/base/text.h"

namespace mishap::run {
namespace {

constexpr std::string_view kStarted = "started";
constexpr std::string_view kOver = "over ";
constexpr std::string_view kEvent = "event ";
constexpr std::string_view kResult = "result ";
constexpr size_t kWrittenBytes = 64 * 1024;

void append_line(std::string& to, std::string_view what, const Json& json) {
  to.append(what).append(to_text(json)).append("\n");
}

}  // namespace

bool send_result(event::TestResult result, const std::function<bool(std::string_view)>& write) {
  std::vector<event::Event> events = std::exchange(result.events, {});
  std::string lines;
  for (const auto& event : events) {
    append_line(lines, kEvent, event::to_json(event));
    if (lines.size() < kWrittenBytes) continue;
    if (!write(lines)) return false;
    lines.clear();
  }
  append_line(lines, kResult, event::to_json(result));
  return write(lines);
}

bool send_started(const std::function<bool(std::string_view)>& write) {
  return write(std::string(kStarted) + "\n");
}

bool send_over(const std::string& why, const std::function<bool(std::string_view)>& write) {
  return write(std::string(kOver) + replace_all(why, "\n", " ") + "\n");
}

void ResultReader::feed(std::string_view bytes) {
  while (!broken_) {
    size_t end = bytes.find('\n');
    unread_.append(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    if (auto read = read_line(unread_); !read) {
      result_ = fail(read.error().message);
      broken_ = true;
    }
    unread_.clear();
  }
}

Result<void> ResultReader::read_line(std::string_view line) {
  if (line == kStarted) {
    started_ = true;
    return {};
  }
  if (line.starts_with(kOver)) {
    over_ = line.substr(kOver.size());
    return {};
  }
  bool is_event = line.starts_with(kEvent);
  if (!is_event && !line.starts_with(kResult))
    return fail("a line that is neither event nor result");
  MISHAP_ASSIGN(Json json, parse_json(line.substr((is_event ? kEvent : kResult).size())));
  if (is_event) {
    MISHAP_ASSIGN(event::Event event, event::from_json(json));
    events_.push_back(std::move(event));
  } else {
    MISHAP_ASSIGN(result_, event::test_result_from_json(json));
  }
  return {};
}

Result<event::TestResult> ResultReader::take() {
  if (result_) result_->events = std::move(events_);
  return std::move(result_);
}

}  // namespace mishap::run
