// Any bytes as commands and values: the cuts do not matter, a value that was found can be decoded,
// and a command that was encoded is read back.
#include "mishap/base/testing/fuzz.h"

#include "codec.h"
#include "commands.h"

namespace mishap::testing {
namespace {

using namespace protocols::redis;

struct Found {
  size_t taken = 0;
  bool done = false;
  bool malformed = false;
  char type = 0;
  std::string first_word;
  bool operator==(const Found&) const = default;
};

Found find_value(std::string_view bytes, size_t cut) {
  ValueScanner scanner;
  Found out;
  while (out.taken < bytes.size() && scanner.state() == ValueScanner::State::scanning)
    out.taken += scanner.consume(bytes.substr(out.taken, cut));
  out.done = scanner.state() == ValueScanner::State::done;
  out.malformed = scanner.state() == ValueScanner::State::malformed;
  out.type = scanner.type();
  out.first_word = scanner.first_word();
  return out;
}

struct Read {
  size_t taken = 0;
  CommandParser::State state;
  std::vector<std::string> arguments;
  bool operator==(const Read&) const = default;
};

Read read_command(std::string_view bytes, size_t cut) {
  CommandParser parser;
  Read out;
  while (out.taken < bytes.size() && parser.state() == CommandParser::State::reading)
    out.taken += parser.consume(bytes.substr(out.taken, cut));
  out.state = parser.state();
  out.arguments = parser.arguments();
  return out;
}

void values(std::string_view bytes) {
  const Found whole = find_value(bytes, bytes.size() + 1);
  const Found single = find_value(bytes, 1);
  MISHAP_CHECK(whole.done == single.done && whole.malformed == single.malformed);
  if (!whole.done) return;
  MISHAP_CHECK(whole == single);
  auto reply = decode_reply(bytes.substr(0, whole.taken));
  MISHAP_CHECK(reply, "{}", reply.error().message);
  to_text(reply->value);
}

void commands(std::string_view bytes) {
  const Read whole = read_command(bytes, bytes.size() + 1);
  const Read single = read_command(bytes, 1);
  MISHAP_CHECK(whole.state == single.state);
  if (whole.state != CommandParser::State::complete) return;
  MISHAP_CHECK(whole == single);
  if (whole.arguments.empty()) return;
  for (size_t at : key_positions(whole.arguments)) MISHAP_CHECK(at < whole.arguments.size());
  const std::string encoded = encode_command(whole.arguments);
  const Read again = read_command(encoded, encoded.size());
  MISHAP_CHECK(again.state == CommandParser::State::complete && again.taken == encoded.size());
  MISHAP_CHECK(again.arguments == whole.arguments);
}

void replies(std::string_view text) {
  for (const std::string& bytes : {encode_bulk(text), encode_error(text)}) {
    const Found found = find_value(bytes, 3);
    MISHAP_CHECK(found.done && found.taken == bytes.size(), "{}", bytes);
  }
  auto bulk = decode_reply(encode_bulk(text));
  MISHAP_CHECK(bulk && !bulk->is_error && bulk->value == Json(std::string(text)));
  auto error = decode_reply(encode_error(text));
  MISHAP_CHECK(error && error->is_error);
  split_words(text);
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  return {"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n",
          "set \"a\\x41\\n\" 'b c'\r\n",
          "*2\r\n*1\r\n:1\r\n%1\r\n+a\r\n,1.5\r\n",
          "|1\r\n+ttl\r\n:1\r\n~2\r\n#t\r\n_\r\n",
          "$?\r\n;4\r\nword\r\n;0\r\n",
          "*?\r\n:1\r\n(123456789012345678901234567890\r\n.\r\n",
          "=8\r\ntxt:abcd\r\n",
          "!9\r\nERR a bad\r\n",
          "*-1\r\n",
          "$-1\r\n",
          ",inf\r\n",
          ">2\r\n$7\r\nmessage\r\n$1\r\na\r\n"};
}

void fuzz_one(std::string_view input) {
  values(input);
  commands(input);
  replies(input);
}

}  // namespace mishap::testing
