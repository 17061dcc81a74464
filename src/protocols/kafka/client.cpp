#include "client.h"

#include <array>
#include <charconv>
#include <cstring>

#include <fmt/format.h>
#include <netdb.h>

#include "mishap/net/sockets.h"
#include "mishap/net/tls.h"

#include "errors.h"

namespace mishap::protocols::kafka {
namespace {

/// An address in the form of getaddrinfo(3), with the room for it.
struct OwnedInfo {
  addrinfo info{};
  sockaddr_storage address{};
};

void add(addrinfo*& list, const sockaddr* address, socklen_t length) {
  auto* owned = new OwnedInfo;
  std::memcpy(&owned->address, address, length);
  owned->info.ai_family = address->sa_family;
  owned->info.ai_socktype = SOCK_STREAM;
  owned->info.ai_protocol = IPPROTO_TCP;
  owned->info.ai_addrlen = length;
  owned->info.ai_addr = reinterpret_cast<sockaddr*>(&owned->address);
  owned->info.ai_next = list;
  list = &owned->info;
}

void free_all(addrinfo* list) {
  while (list != nullptr) {
    addrinfo* next = list->ai_next;
    delete reinterpret_cast<OwnedInfo*>(list);
    list = next;
  }
}

int look_up(const net::Endpoint& endpoint, addrinfo*& list) {
  if (auto numeric = net::Address::numeric(endpoint.host, endpoint.port)) {
    add(list, numeric->raw(), numeric->length());
    return 0;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  int failure =
      getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
  if (failure != 0) return failure;
  for (addrinfo* one = found; one != nullptr; one = one->ai_next)
    add(list, one->ai_addr, one->ai_addrlen);
  freeaddrinfo(found);
  return 0;
}

/// Where to begin and how to talk. The name is looked up with our resolver, so with TLS it can be
/// the one that the broker's certificate is for.
std::vector<std::pair<std::string, std::string>> place_options(const net::Endpoint& endpoint) {
  const net::TlsClient* tls = endpoint.tls.get();
  if (tls == nullptr) return {{"bootstrap.servers", endpoint.text()}};
  std::string name = tls->server_name.empty() ? endpoint.host : tls->server_name;
  std::vector<std::pair<std::string, std::string>> options = {
      {"bootstrap.servers", net::Endpoint{name, endpoint.port}.text()},
      {"security.protocol", "ssl"}};
  if (tls->anybody) {
    options.emplace_back("enable.ssl.certificate.verification", "false");
  } else {
    options.emplace_back("ssl.ca.pem", tls->trust_pem);
  }
  if (tls->own) {
    options.emplace_back("ssl.certificate.pem", tls->own->certificate_pem());
    options.emplace_back("ssl.key.pem", tls->own->key_pem());
  }
  return options;
}

}  // namespace

std::string error_text(const Rdkafka& library, rd_kafka_resp_err_t error) {
  if (error >= RD_KAFKA_RESP_ERR_UNKNOWN) {
    return fmt::format("{} (error code {})", error_name(static_cast<int16_t>(error)),
                       static_cast<int>(error));
  }
  return library.rd_kafka_err2str(error);
}

Result<std::unique_ptr<Client>> Client::open(Settings settings) {
  MISHAP_ASSIGN(const Rdkafka* library, load_rdkafka());
  std::unique_ptr<Client> client(new Client(library, std::move(settings)));
  MISHAP_TRY(client->start());
  return client;
}

Result<void> Client::start() {
  std::array<char, 512> text{};
  rd_kafka_conf_t* conf = library_->rd_kafka_conf_new();
  auto set = [&](const std::string& name, const std::string& value) -> Result<void> {
    auto result =
        library_->rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text.data(), text.size());
    if (result == RD_KAFKA_CONF_OK) return {};
    library_->rd_kafka_conf_destroy(conf);
    return fail(fmt::format("the Kafka client library refuses {}: {}", name, text.data()));
  };
  for (const auto& [name, value] : place_options(settings_.endpoint)) MISHAP_TRY(set(name, value));
  MISHAP_TRY(set("client.id", "mishap"));
  // A service may just be coming up, or be held up by a fault; it is asked again soon.
  MISHAP_TRY(set("reconnect.backoff.ms", "50"));
  MISHAP_TRY(set("reconnect.backoff.max.ms", "500"));
  for (const auto& [name, value] : settings_.options) MISHAP_TRY(set(name, value));
  library_->rd_kafka_conf_set_opaque(conf, this);
  library_->rd_kafka_conf_set_resolve_cb(conf, &Client::resolve);
  library_->rd_kafka_conf_set_log_cb(conf, &Client::log);
  library_->rd_kafka_conf_set_error_cb(conf, [](rd_kafka_t*, int, const char* reason, void* self) {
    auto* client = static_cast<Client*>(self);
    std::lock_guard lock(client->mutex_);
    client->trouble_ = reason;
  });
  if (settings_.type == RD_KAFKA_PRODUCER) {
    library_->rd_kafka_conf_set_dr_msg_cb(
        conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
          auto* client = static_cast<Client*>(self);
          std::lock_guard lock(client->mutex_);
          client->report_ = {message->err, message->partition, message->offset};
        });
  }
  handle_ = library_->rd_kafka_new(settings_.type, conf, text.data(), text.size());
  if (handle_ == nullptr) {
    library_->rd_kafka_conf_destroy(conf);
    return fail(fmt::format("the Kafka client could not be started: {}", text.data()));
  }
  if (settings_.type == RD_KAFKA_CONSUMER) library_->rd_kafka_poll_set_consumer(handle_);
  return {};
}

Client::~Client() {
  if (handle_ != nullptr)
    library_->rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

/// Why a message is tried again is said nowhere else: "… encountered error: Broker: Not leader for
/// partition (actions Refresh,MsgNotPersisted)" (debug=msg).
void Client::log(const rd_kafka_t* handle, int, const char* facility, const char* text) {
  auto* client = static_cast<Client*>((*load_rdkafka())->rd_kafka_opaque(handle));
  constexpr std::string_view kBefore = "encountered error: ", kAfter = " (actions ";
  std::string_view line = text;
  size_t begin = line.find(kBefore);
  if (client == nullptr || std::string_view(facility) != "MSGSET" || begin == line.npos) return;
  line.remove_prefix(begin + kBefore.size());
  std::lock_guard lock(client->mutex_);
  client->trouble_ = line.substr(0, line.find(kAfter));
}

net::Endpoint Client::place_of(const std::string& host, const std::string& port) const {
  uint16_t number = 0;
  std::from_chars(port.data(), port.data() + port.size(), number);
  if (settings_.resolve) {
    if (auto place = settings_.resolve(host, number)) return *place;
  }
  return settings_.endpoint;
}

int Client::resolve(const char* node, const char* service, const addrinfo*, addrinfo** result,
                    void* self) {
  if (node == nullptr) {
    free_all(*result);
    return 0;
  }
  addrinfo* list = nullptr;
  int failure =
      look_up(static_cast<Client*>(self)->place_of(node, service != nullptr ? service : ""), list);
  *result = list;
  return failure;
}

Message Client::poll(std::chrono::milliseconds longest) {
  int limit = static_cast<int>(longest.count());
  if (settings_.type == RD_KAFKA_CONSUMER)
    return {library_->rd_kafka_consumer_poll(handle_, limit), MessageDeleter(library_)};
  library_->rd_kafka_poll(handle_, limit);
  return {nullptr, MessageDeleter(library_)};
}

std::string Client::take_trouble() {
  std::lock_guard lock(mutex_);
  return std::exchange(trouble_, "");
}

std::optional<Client::Report> Client::take_report() {
  std::lock_guard lock(mutex_);
  return std::exchange(report_, std::nullopt);
}

Result<std::optional<std::vector<int32_t>>> Client::partitions(const std::string& topic,
                                                               std::chrono::milliseconds longest) {
  rd_kafka_topic_t* asked = library_->rd_kafka_topic_new(handle_, topic.c_str(), nullptr);
  if (asked == nullptr) return fail(fmt::format("\"{}\" is no name of a topic", topic));
  const rd_kafka_metadata_t* metadata = nullptr;
  auto error =
      library_->rd_kafka_metadata(handle_, 0, asked, &metadata, static_cast<int>(longest.count()));
  library_->rd_kafka_topic_destroy(asked);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(error_text(*library_, error));
  std::optional<std::vector<int32_t>> out;
  rd_kafka_resp_err_t refused = RD_KAFKA_RESP_ERR_NO_ERROR;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic_t& found = metadata->topics[i];
    if (topic != found.topic) continue;
    refused = found.err;
    if (refused != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    out.emplace();
    for (int p = 0; p < found.partition_cnt; ++p) out->push_back(found.partitions[p].id);
  }
  library_->rd_kafka_metadata_destroy(metadata);
  bool is_missing = refused == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
                    refused == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
  if (refused != RD_KAFKA_RESP_ERR_NO_ERROR && !is_missing)
    return fail(error_text(*library_, refused));
  return out;
}

}  // namespace mishap::protocols::kafka
