#include "codec.h"

namespace mishap::protocols::postgres {
namespace {

void append_u32(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}
void append_string(std::string& out, std::string_view text) {
  out += text.substr(0, text.find('\0'));
  out += '\0';
}

}  // namespace

uint32_t read_u32(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::optional<std::string_view> take_string(std::string_view& rest) {
  const size_t end = rest.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view text = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return text;
}

std::string make_message(char type, std::string_view payload) {
  std::string out(1, type);
  append_u32(out, static_cast<uint32_t>(payload.size() + 4));
  out += payload;
  return out;
}

std::string make_query(std::string_view sql) {
  std::string payload;
  append_string(payload, sql);
  return make_message('Q', payload);
}

std::string make_execute(std::string_view portal) {
  std::string payload;
  append_string(payload, portal);
  append_u32(payload, 0);
  return make_message('E', payload);
}

std::string make_flush() { return make_message('H', ""); }

std::string make_error(std::string_view severity, std::string_view sqlstate,
                       std::string_view message) {
  std::string payload;
  for (auto [field, text] :
       {std::pair{'S', severity}, {'V', severity}, {'C', sqlstate}, {'M', message}}) {
    payload += field;
    append_string(payload, text);
  }
  payload += '\0';
  return make_message('E', payload);
}

}  // namespace mishap::protocols::postgres
