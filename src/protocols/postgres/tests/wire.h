// Messages for transcripts.
#pragma once

#include <string>
#include <string_view>

#include "codec.h"

namespace mishap::protocols::postgres::wire {

using namespace std::string_literals;

inline std::string u32(uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
  return out;
}
inline std::string packet(uint32_t code, std::string_view rest = {}) {
  return u32(static_cast<uint32_t>(8 + rest.size())) + u32(code) + std::string(rest);
}
inline std::string startup() { return packet(196608, "user\0test\0\0"s); }
inline std::string ssl_request() { return packet(kSslRequest); }
inline std::string gss_request() { return packet(kGssEncRequest); }
inline std::string cancel_request() { return packet(kCancelRequest, u32(77) + u32(99)); }

inline std::string query(std::string_view sql) { return make_query(sql); }
inline std::string parse(std::string_view name, std::string_view sql) {
  return make_message('P', std::string(name) + '\0' + std::string(sql) + "\0\0\0"s);
}
inline std::string bind(std::string_view portal, std::string_view statement) {
  return make_message('B', std::string(portal) + '\0' + std::string(statement) + "\0\0\0\0\0\0\0"s);
}
inline std::string describe(std::string_view what) {
  return make_message('D', std::string(what) + '\0');
}
inline std::string close(std::string_view what) {
  return make_message('C', std::string(what) + '\0');
}
inline std::string execute(std::string_view portal = {}) { return make_execute(portal); }
inline std::string sync() { return make_message('S', ""); }
inline std::string copy_data(std::string_view data) { return make_message('d', data); }
inline std::string copy_done() { return make_message('c', ""); }
inline std::string copy_fail() { return make_message('f', "no\0"s); }
inline std::string terminate() { return make_message('X', ""); }

inline std::string ready(char status = 'I') { return make_message('Z', std::string(1, status)); }
inline std::string auth_ok() { return make_message('R', u32(0)); }
inline std::string parse_complete() { return make_message('1', ""); }
inline std::string bind_complete() { return make_message('2', ""); }
inline std::string close_complete() { return make_message('3', ""); }
inline std::string row_description() {
  return make_message('T', "\0\1n\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\0"s);
}
inline std::string no_data() { return make_message('n', ""); }
inline std::string data_row(std::string_view text) {
  return make_message('D', "\0\1"s + u32(static_cast<uint32_t>(text.size())) + std::string(text));
}
inline std::string complete(std::string_view tag) {
  return make_message('C', std::string(tag) + '\0');
}
inline std::string suspended() { return make_message('s', ""); }
inline std::string copy_in() { return make_message('G', "\0\0\0"s); }
inline std::string copy_out() { return make_message('H', "\0\0\0"s); }
inline std::string notice() { return make_message('N', "SNOTICE\0Mhello\0\0"s); }
inline std::string notification() { return make_message('A', u32(7) + "chan\0payload\0"s); }
inline std::string error(std::string_view state, std::string_view message) {
  return make_error("ERROR", state, message);
}

}  // namespace mishap::protocols::postgres::wire
