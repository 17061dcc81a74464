#include "mishap/source/output.h"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

namespace mishap::source {

void OutputTail::add(std::string_view line) {
  std::lock_guard lock(mutex_);
  text_.append(line).push_back('\n');
  if (text_.size() <= 2 * kKeptBytes) return;
  // Cut rarely and at a line's start, so that adding stays cheap.
  size_t cut = text_.find('\n', text_.size() - kKeptBytes);
  text_.erase(0, cut + 1);
  dropped_ = true;
}

std::string OutputTail::text() const {
  std::lock_guard lock(mutex_);
  if (text_.size() <= kKeptBytes) return text_;
  return text_.substr(text_.find('\n', text_.size() - kKeptBytes - 1) + 1);
}

void OutputTail::clear() {
  std::lock_guard lock(mutex_);
  text_.clear();
  dropped_ = false;
}

bool OutputTail::complete() const {
  std::lock_guard lock(mutex_);
  return !dropped_ && text_.size() <= kKeptBytes;
}

OutputSource::OutputSource(Options options, UniqueFd pipe, event::Log& log, OutputTail& tail)
    : options_(std::move(options)),
      pipe_(std::move(pipe)),
      log_(log),
      tail_(tail),
      splitter_([this](std::string_view line) { on_line(line); }) {
  int flags = fcntl(pipe_.get(), F_GETFL);
  fcntl(pipe_.get(), F_SETFL, flags | O_NONBLOCK);
}

Result<void> OutputSource::follow(net::Loop& loop) {
  MISHAP_ASSIGN(watch_, loop.watch(pipe_.get(), {.read = true},
                                   [this](net::Readiness) { read_available(); }));
  return {};
}

void OutputSource::read_available() {
  if (!pipe_) return;
  char chunk[16 * 1024];
  while (true) {
    ssize_t got = read(pipe_.get(), chunk, sizeof chunk);
    if (got > 0) {
      splitter_.feed({chunk, static_cast<size_t>(got)});
    } else if (got < 0 && errno == EINTR) {
      continue;
    } else if (got < 0 && errno == EAGAIN) {
      return;
    } else {  // the end, or an error that reading again would not mend
      splitter_.finish();
      watch_.cancel();
      pipe_.reset();
      return;
    }
  }
}

void OutputSource::on_line(std::string_view line) {
  tail_.add(line);
  if (options_.echo) {
    std::fprintf(stderr, "%s | %.*s\n", options_.service.c_str(), static_cast<int>(line.size()),
                 line.data());
  }
  event::Decoded decoded = options_.decoder->decode(line);
  event::Draft draft;
  draft.type = options_.type;
  draft.service = options_.service;
  draft.fields = std::move(decoded.fields);
  draft.data = std::move(decoded.data);
  log_.append(std::move(draft));
}

}  // namespace mishap::source
