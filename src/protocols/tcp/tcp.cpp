#include "mishap/protocols/tcp/tcp.h"

#include <algorithm>
#include <array>

#include "mishap/base/text.h"

#include "filter.h"

namespace mishap::protocols::tcp {
namespace {

constexpr auto kConnectLimit = std::chrono::seconds(5);
constexpr auto kExchangeLimit = std::chrono::seconds(10);
constexpr size_t kLineLimitBytes = 16 * 1024 * 1024;

/// Sends a line and reads one back, without its end; "" when the peer closes without a word.
Result<std::string> exchange_line(const traffic::StepCall& call, std::string line) {
  if (!line.ends_with('\n')) line += '\n';
  net::Clock::time_point now = net::Clock::now();
  MISHAP_ASSIGN(net::Stream stream,
                net::Stream::connect(call.endpoint, std::min(call.deadline, now + kConnectLimit),
                                     call.cancel));
  stream.set_deadline(std::min(call.deadline, now + kExchangeLimit));
  MISHAP_TRY(stream.write_all(line));
  std::string answer;
  std::array<char, 16 * 1024> buffer;
  while (true) {
    MISHAP_ASSIGN(size_t count, stream.read_some(buffer));
    if (count == 0) break;
    std::string_view bytes(buffer.data(), count);
    size_t end = bytes.find('\n');
    answer.append(bytes.substr(0, end));
    if (end != std::string_view::npos) break;
    if (answer.size() > kLineLimitBytes) return fail("the answer's line is over 16 MiB");
  }
  return std::string(trim(answer));
}

class TcpProtocol final : public traffic::Protocol {
 public:
  TcpProtocol()
      : Protocol({"tcp",
                  {{"send", {{.name = "data", .primary = true, .required = true}}}},
                  {fault::ProtocolAction::respond, fault::ProtocolAction::delay,
                   fault::ProtocolAction::drop},
                  {"method"},
                  {"body"}}) {}

  std::unique_ptr<traffic::Filter> make_filter() const override {
    return std::make_unique<TcpFilter>();
  }

  Result<traffic::StepResult> step(const traffic::StepCall& call) const override {
    auto data = call.arguments.find("data");
    std::string text = data == call.arguments.end() ? "" : scalar_text(*data);
    if (text.empty()) return fail("send(): data is required");
    traffic::StepResult result;
    result.plain_text = true;
    auto answer = exchange_line(call, std::move(text));
    result.ok = answer.has_value();
    if (answer) {
      result.body = std::move(*answer);
      result.data = result.body;
    } else {
      result.error = "tcp send failed: " + answer.error().message;
    }
    return result;
  }

  Result<void> ready(const net::Endpoint& endpoint, const std::map<std::string, std::string>&,
                     net::Deadline deadline) const override {
    MISHAP_TRY(net::Stream::connect(endpoint, deadline, nullptr));
    return {};
  }
};

}  // namespace

const traffic::Protocol& tcp_protocol() {
  static const TcpProtocol kProtocol;
  return kProtocol;
}

}  // namespace mishap::protocols::tcp
