#include "mishap/protocols/h2core/session.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include "mishap/base/check.h"
#include "mishap/net/tls.h"

namespace mishap::protocols::h2core {
namespace {

/// What a server may send before we have read it: large messages come without waiting.
constexpr uint32_t kWindowBytes = 16 << 20;

/// The exchange that is under way.
struct Exchange {
  int32_t stream = -1;
  std::string body;
  size_t sent = 0;
  size_t body_limit = 0;
  bool in_trailers = false;
  bool too_large = false;
  bool closed = false;
  ClientResponse response;
};

struct State {
  Exchange exchange;
  bool hello = false;
  std::optional<int32_t> goaway_last;
};

State& state_of(void* user_data) { return *static_cast<State*>(user_data); }

int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
  Exchange& exchange = state_of(user_data).exchange;
  if (frame->hd.stream_id != exchange.stream) return 0;
  const std::string* status = find_field(exchange.response.head, ":status");
  const bool was_final = status != nullptr && !status->starts_with('1');
  if (was_final) {
    exchange.in_trailers = true;
  } else {
    exchange.response.head.clear();  // of an informational answer
  }
  return 0;
}

int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
              const uint8_t* value, size_t value_size, uint8_t, void* user_data) {
  Exchange& exchange = state_of(user_data).exchange;
  if (frame->hd.stream_id != exchange.stream) return 0;
  auto& fields = exchange.in_trailers ? exchange.response.trailers : exchange.response.head;
  fields.push_back({std::string(reinterpret_cast<const char*>(name), name_size),
                    std::string(reinterpret_cast<const char*>(value), value_size)});
  return 0;
}

int on_data(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* bytes, size_t size,
            void* user_data) {
  Exchange& exchange = state_of(user_data).exchange;
  if (stream != exchange.stream || exchange.too_large) return 0;
  exchange.too_large = exchange.response.body.size() + size > exchange.body_limit;
  if (exchange.too_large) {
    exchange.response.body = {};
  } else {
    exchange.response.body.append(reinterpret_cast<const char*>(bytes), size);
  }
  return 0;
}

int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
  State& state = state_of(user_data);
  if (frame->hd.type == NGHTTP2_SETTINGS) state.hello = true;
  if (frame->hd.type == NGHTTP2_GOAWAY) state.goaway_last = frame->goaway.last_stream_id;
  // A whole answer counts, whatever is done to the stream afterwards.
  const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (ends && frame->hd.stream_id == state.exchange.stream) state.exchange.closed = true;
  return 0;
}

int on_stream_close(nghttp2_session*, int32_t stream, uint32_t code, void* user_data) {
  Exchange& exchange = state_of(user_data).exchange;
  if (stream != exchange.stream || exchange.closed) return 0;
  exchange.closed = true;
  exchange.response.reset = code;
  return 0;
}

ssize_t read_body(nghttp2_session*, int32_t, uint8_t* out, size_t size, uint32_t* data_flags,
                  nghttp2_data_source* source, void*) {
  auto& exchange = *static_cast<Exchange*>(source->ptr);
  const size_t count = std::min(size, exchange.body.size() - exchange.sent);
  std::copy_n(exchange.body.data() + exchange.sent, count, out);
  exchange.sent += count;
  if (exchange.sent == exchange.body.size()) *data_flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(count);
}

/// We would not wait any longer; the server has nothing to do with it.
bool is_own_limit(const Error& error) { return error.code == ETIMEDOUT || error.code == ECANCELED; }

bool is_of_an_end(const Error& error) { return error.code == EPIPE || error.code == ECONNRESET; }

uint8_t* bytes_of(const std::string& text) {
  return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));  // nghttp2 only reads
}

nghttp2_session* new_session(State& state) {
  nghttp2_session_callbacks* callbacks = nullptr;
  MISHAP_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0, "out of memory");
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
  nghttp2_session* session = nullptr;
  const int made = nghttp2_session_client_new(&session, callbacks, &state);
  nghttp2_session_callbacks_del(callbacks);
  MISHAP_CHECK(made == 0, "out of memory");
  const std::array settings = {
      nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindowBytes}};
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, kWindowBytes);
  return session;
}

}  // namespace

class Session::Impl {
 public:
  explicit Impl(net::Stream stream) : stream_(std::move(stream)), session_(new_session(state_)) {}
  ~Impl() { nghttp2_session_del(session_); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> wait_for_hello() {
    while (!state_.hello) MISHAP_TRY(turn());
    return {};
  }

  Result<ClientResponse> exchange(ClientRequest request, size_t body_limit) {
    MISHAP_TRY(submit(std::move(request), body_limit));
    Exchange& current = state_.exchange;
    while (!current.closed) {
      if (current.too_large)
        return fail(fmt::format("the answer is over {} MiB", body_limit >> 20));
      if (state_.goaway_last && *state_.goaway_last < current.stream)
        return fail("the server is going away");
      MISHAP_TRY(turn());
    }
    return std::move(current.response);
  }

  ClientResponse take_incomplete() { return std::exchange(state_.exchange.response, {}); }
  void set_deadline(net::Deadline deadline) { stream_.set_deadline(deadline); }
  Result<void> write() {
    while (true) {
      const uint8_t* bytes = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
      if (size < 0) return fail(nghttp2_strerror(static_cast<int>(size)));
      if (size == 0) return {};
      MISHAP_TRY(
          stream_.write_all({reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)}));
    }
  }

 private:
  Result<void> submit(ClientRequest request, size_t body_limit) {
    state_.exchange = Exchange{.body = std::move(request.body), .body_limit = body_limit};
    std::vector<nghttp2_nv> fields;
    for (const HeaderField& field : request.fields)
      fields.push_back({bytes_of(field.name), bytes_of(field.value), field.name.size(),
                        field.value.size(), NGHTTP2_NV_FLAG_NONE});
    const nghttp2_data_provider provider{.source = {.ptr = &state_.exchange},
                                         .read_callback = read_body};
    const int32_t stream =
        nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(),
                               state_.exchange.body.empty() ? nullptr : &provider, nullptr);
    if (stream < 0) return fail(nghttp2_strerror(stream));
    state_.exchange.stream = stream;
    return {};
  }

  /// Writes what there is to say and reads what has come.
  Result<void> turn() {
    // A server may answer and close before it has read everything: its answer counts, not our
    // failed write.
    auto written = write();
    auto count = stream_.read_some(buffer_);
    if (!count || *count == 0) return fail(why_over(written, count));
    const ssize_t taken = nghttp2_session_mem_recv(
        session_, reinterpret_cast<const uint8_t*>(buffer_.data()), *count);
    if (taken >= 0) return {};
    if (!state_.hello) return fail("the server does not speak HTTP/2");
    return fail(fmt::format("malformed response: {}", nghttp2_strerror(static_cast<int>(taken))));
  }

  /// Of a connection on which nothing more comes.
  Error why_over(const Result<void>& written, const Result<size_t>& count) const {
    if (!count && is_own_limit(count.error())) return count.error();
    if (!state_.hello) {
      return {"connection closed before the server said hello; does it speak HTTP/2?", ECONNRESET};
    }
    // Of a connection that is gone, a failed write says nothing that its end does not.
    const Error* why = count ? nullptr : &count.error();
    if (why == nullptr && !written && !is_of_an_end(written.error())) why = &written.error();
    return why == nullptr ? Error{"connection closed before the response", ECONNRESET} : *why;
  }

  net::Stream stream_;
  State state_;
  nghttp2_session* session_;
  std::array<char, 64 * 1024> buffer_{};
};

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::open(const net::Endpoint& endpoint,
                                               net::Deadline deadline, const net::Cancel* cancel) {
  constexpr const char* kHttp2 = "h2";
  net::Endpoint server = endpoint;
  if (endpoint.tls) {
    net::TlsClient tls = *endpoint.tls;
    tls.alpn = {kHttp2};
    server.tls = std::make_shared<const net::TlsClient>(std::move(tls));
  }
  MISHAP_ASSIGN(net::Stream stream, net::Stream::connect(server, deadline, cancel));
  if (endpoint.tls && stream.alpn() != kHttp2)
    return fail("the server does not agree to speak HTTP/2 within TLS (ALPN h2)");
  auto impl = std::make_unique<Impl>(std::move(stream));
  // Whoever closes at once is asked what it said before.
  auto written = impl->write();
  if (!written && is_own_limit(written.error())) return fail(std::move(written).error());
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

Result<void> Session::wait_for_hello() { return impl_->wait_for_hello(); }
Result<ClientResponse> Session::exchange(ClientRequest request, size_t body_limit_bytes) {
  return impl_->exchange(std::move(request), body_limit_bytes);
}
ClientResponse Session::take_incomplete() { return impl_->take_incomplete(); }
void Session::set_deadline(net::Deadline deadline) { impl_->set_deadline(deadline); }

}  // namespace mishap::protocols::h2core
