// The TCP filter: bytes pass both ways at once; rules are asked about the first bytes that the
// client sends while there are rules.
#pragma once

#include <string>
#include <string_view>

#include "mishap/traffic/filter.h"

namespace mishap::protocols::tcp {

class TcpFilter final : public traffic::Filter {
 public:
  void on_bytes(traffic::Direction direction, std::string_view bytes, traffic::Sink& sink) override;
  void on_eof(traffic::Direction direction, traffic::Sink& sink) override;
  void on_timer(uint64_t token, traffic::Sink& sink) override;

 private:
  void judge(bool complete, traffic::Sink& sink);
  void finish_judgement(traffic::Sink& sink);

  std::string held_;
  fault::ProtocolDecision decision_;
  bool judged_ = false;
  bool delayed_ = false;
  bool client_eof_ = false;
  bool server_eof_ = false;
  bool ended_ = false;
};

}  // namespace mishap::protocols::tcp
