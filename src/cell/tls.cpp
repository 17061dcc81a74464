#include "tls.h"

#include <algorithm>
#include <filesystem>

#include <sys/stat.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace mishap::cell {
namespace {

std::string in_directory(const std::string& name) {
  return fmt::format("{}/{}", kTlsDirectory, name);
}

/// PostgreSQL and libpq want a key that nobody else may read.
constexpr mode_t kSecret = 0600;
constexpr mode_t kPublic = 0644;

Result<void> write_file(const std::string& path, const std::string& text, mode_t mode) {
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!fd || fchmod(fd.get(), mode) != 0) return fail_errno("make " + path);
  if (write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return fail_errno("write " + path);
  return {};
}

bool speaks_tls(const engine::Service& service) {
  return std::any_of(service.interfaces.begin(), service.interfaces.end(),
                     [](const auto& interface) { return interface.tls != nullptr; });
}

}  // namespace

Result<std::unique_ptr<Tls>> Tls::set_up(std::shared_ptr<const net::Authority> authority,
                                         const std::vector<engine::Service>& services,
                                         sandbox::CellEnvironment& environment) {
  MISHAP_TRY(environment.mount_tmpfs(kTlsDirectory, 0, 0755));
  std::unique_ptr<Tls> tls(new Tls(std::move(authority), environment));
  MISHAP_TRY(tls->write_trust(services));
  for (const auto& service : services) {
    if (speaks_tls(service)) MISHAP_TRY(tls->add(service));
  }
  return tls;
}

/// What a consumer has to trust is the same whether there is a relay or not: the relays' authority,
/// and whoever signed the servers' own certificates.
Result<void> Tls::write_trust(const std::vector<engine::Service>& services) {
  std::string trusted = authority_->certificate_pem();
  for (const auto& service : services) {
    for (const auto& interface : service.interfaces) {
      if (interface.tls == nullptr) continue;
      trusted += interface.tls->ca;
      if (interface.tls->proxy) trusted += interface.tls->proxy->certificate_pem();
    }
  }
  MISHAP_TRY(write_file(in_directory("ca.pem"), trusted, kPublic));
  return write_file(in_directory("bundle.pem"), net::system_roots() + trusted, kPublic);
}

Result<void> Tls::add(const engine::Service& service) {
  MISHAP_ASSIGN(net::Identity own, authority_->issue(names_of(service)));
  std::string directory = in_directory(service.name);
  if (mkdir(directory.c_str(), 0755) != 0) return fail_errno("make " + directory);
  MISHAP_TRY(write_file(directory + "/cert.pem", own.certificate_pem(), kPublic));
  MISHAP_TRY(write_file(directory + "/key.pem", own.key_pem(), kSecret));
  // Kafka's PEM keystore is one file.
  MISHAP_TRY(write_file(directory + "/both.pem", own.key_pem() + own.certificate_pem(), kSecret));
  for (const auto& interface : service.interfaces) {
    if (interface.tls == nullptr) continue;
    postgres_ = postgres_ || interface.protocol == "postgres";
    MISHAP_ASSIGN(speakers_[std::pair(service.name, interface.name)],
                  speaker(service, interface, own));
  }
  return {};
}

Result<Tls::Speaker> Tls::speaker(const engine::Service& service,
                                  const engine::Interface& interface,
                                  const net::Identity& own) const {
  const engine::Tls& declared = *interface.tls;
  net::Trust in_server{authority_->certificate_pem() + declared.ca, declared.ca.empty(),
                       declared.insecure};
  // A step may be talking to the relay or to the server.
  net::Trust in_both = in_server;
  if (declared.proxy) in_both.authorities += declared.proxy->certificate_pem();

  MISHAP_ASSIGN(auto to_consumers, net::TlsContext::server(declared.proxy.value_or(own)));
  MISHAP_ASSIGN(auto to_server, net::TlsContext::client(in_server, declared.client));
  MISHAP_ASSIGN(auto of_steps, net::TlsContext::client(in_both, declared.client));
  net::TlsClient client{std::move(of_steps), service.from_image() ? service.name : "localhost"};
  client.anybody = declared.insecure;
  client.trust_pem = in_both.authorities;
  if (in_both.system_roots) client.trust_pem += net::system_roots();
  std::string prefix = in_directory(fmt::format("{}/{}", service.name, interface.name));
  client.trust_file = prefix + ".trust.pem";
  MISHAP_TRY(write_file(client.trust_file, client.trust_pem, kPublic));
  if (declared.client) {
    client.own = declared.client;
    client.own_certificate_file = prefix + ".client.pem";
    client.own_key_file = prefix + ".client-key.pem";
    MISHAP_TRY(
        write_file(client.own_certificate_file, declared.client->certificate_pem(), kPublic));
    MISHAP_TRY(write_file(client.own_key_file, declared.client->key_pem(), kSecret));
  }
  return Speaker{
      std::make_shared<const traffic::TlsTermination>(traffic::TlsTermination{
          std::move(to_consumers), std::move(to_server), names_of(service), !declared.proxy}),
      std::make_shared<const net::TlsClient>(std::move(client))};
}

/// Every name by which somebody in the cell may reach it.
std::vector<std::string> Tls::names_of(const engine::Service& service) const {
  std::vector<std::string> names = {service.name, "localhost", sandbox::kHostName, "127.0.0.1",
                                    "::1"};
  auto own = environment_.networks.find(service.name);
  std::string address =
      own != environment_.networks.end() ? own->second.address : environment_.gateway;
  if (!address.empty()) names.push_back(std::move(address));
  return names;
}

const Tls::Speaker* Tls::find(const std::string& service, const std::string& interface) const {
  auto found = speakers_.find({service, interface});
  return found == speakers_.end() ? nullptr : &found->second;
}

std::shared_ptr<const traffic::TlsTermination> Tls::termination(
    const std::string& service, const std::string& interface) const {
  const Speaker* found = find(service, interface);
  return found == nullptr ? nullptr : found->termination;
}

std::shared_ptr<const net::TlsClient> Tls::client(const std::string& service,
                                                  const std::string& interface) const {
  const Speaker* found = find(service, interface);
  return found == nullptr ? nullptr : found->client;
}

std::shared_ptr<const net::TlsClient> Tls::client_at(const engine::Service& service,
                                                     uint16_t port) const {
  for (const auto& interface : service.interfaces) {
    if (interface.port == port) return client(service.name, interface.name);
  }
  return nullptr;
}

std::vector<std::pair<std::string, std::string>> Tls::trust_variables() const {
  const std::string trusted = in_directory("ca.pem"), all = in_directory("bundle.pem");
  std::vector<std::pair<std::string, std::string>> out = {{"MISHAP_CA_FILE", trusted}};
  // Node adds these to its own roots.
  out.emplace_back("NODE_EXTRA_CA_CERTS", trusted);
  // For all others the file takes the place of the system's roots, so it holds those too.
  for (const char* name : {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE",
                           "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"})
    out.emplace_back(name, all);
  // libpq verifies with sslmode=require too once it has roots, so it is not given any for nothing.
  if (postgres_) out.emplace_back("PGSSLROOTCERT", trusted);
  return out;
}

std::vector<std::pair<std::string, std::string>> Tls::variables(
    const engine::Service& service) const {
  auto out = trust_variables();
  if (speaks_tls(service)) {
    std::string own = in_directory(service.name);
    out.emplace_back("MISHAP_TLS_CERT_FILE", own + "/cert.pem");
    out.emplace_back("MISHAP_TLS_KEY_FILE", own + "/key.pem");
  }
  std::erase_if(out, [&](const auto& one) { return service.find_env(one.first) != nullptr; });
  return out;
}

}  // namespace mishap::cell
