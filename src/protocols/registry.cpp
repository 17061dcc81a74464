#include "mishap/protocols/registry.h"

#include <algorithm>
#include <array>

#include "mishap/protocols/grpc/grpc.h"
#include "mishap/protocols/http/http.h"
#include "mishap/protocols/http2/http2.h"
#include "mishap/protocols/kafka/kafka.h"
#include "mishap/protocols/postgres/postgres.h"
#include "mishap/protocols/redis/redis.h"
#include "mishap/protocols/tcp/tcp.h"

namespace mishap::protocols {
namespace {

const auto& all() {
  static const std::array kAll = {
      &grpc::grpc_protocol(),   &http::http_protocol(),         &http2::http2_protocol(),
      &kafka::kafka_protocol(), &postgres::postgres_protocol(), &redis::redis_protocol(),
      &tcp::tcp_protocol(),
  };
  return kAll;
}

}  // namespace

const traffic::Protocol* find(std::string_view name) {
  auto found = std::find_if(all().begin(), all().end(),
                            [&](const traffic::Protocol* p) { return p->name() == name; });
  return found == all().end() ? nullptr : *found;
}

const std::vector<std::string>& names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const traffic::Protocol* protocol : all()) names.emplace_back(protocol->name());
    std::sort(names.begin(), names.end());
    return names;
  }();
  return kNames;
}

}  // namespace mishap::protocols
