#include "mishap/net/certificate.h"

#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "mishap/base/text.h"

#include "openssl.h"

namespace mishap::net {
namespace {

std::string written(const Bio& bio) {
  char* bytes = nullptr;
  long length = BIO_get_mem_data(bio.get(), &bytes);
  return {bytes, static_cast<size_t>(length)};
}

/// "2024-01-31"
std::string date_of(const ASN1_TIME* time) {
  tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "an unknown day";
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

/// Nobody is asked for a password; that one was wanted is remembered.
int no_password(char*, int, int, void* wanted) {
  *static_cast<bool*>(wanted) = true;
  return -1;
}

std::string validity_problem(const X509* certificate) {
  const ASN1_TIME* begin = X509_get0_notBefore(certificate);
  const ASN1_TIME* end = X509_get0_notAfter(certificate);
  if (X509_cmp_current_time(end) < 0) return "expired on " + date_of(end);
  if (X509_cmp_current_time(begin) > 0) return "is not valid before " + date_of(begin);
  return "";
}

/// Where the distributions keep one file of all roots: Debian, Fedora, SUSE, CentOS, Alpine.
constexpr std::array kRootFiles = {"/etc/ssl/certs/ca-certificates.crt",
                                   "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
                                   "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                                   "/etc/ssl/cert.pem"};

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

std::string take_openssl_error() {
  std::array<char, 256> text{};
  unsigned long error = ERR_get_error();
  if (error == 0) return "";
  const char* reason = ERR_reason_error_string(error);
  ERR_error_string_n(error, text.data(), text.size());
  std::string out = reason != nullptr ? reason : text.data();
  ERR_clear_error();
  return out;
}

Bio memory_of(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Result<std::vector<Certificate>> read_certificates(const std::string& pem) {
  std::vector<Certificate> out;
  Bio bio = memory_of(pem);
  while (true) {
    bool ignored = false;
    Certificate one(PEM_read_bio_X509(bio.get(), nullptr, no_password, &ignored));
    if (one) {
      out.push_back(std::move(one));
      continue;
    }
    bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    std::string why = take_openssl_error();
    if (at_end) return out;
    return fail("holds a certificate that cannot be read: " + why);
  }
}

Result<size_t> count_certificates(const std::string& pem) {
  MISHAP_ASSIGN(auto certificates, read_certificates(pem));
  return certificates.size();
}

std::string pem_of(X509* certificate) {
  Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return written(bio);
}

tl::expected<Identity, Identity::Problem> Identity::from_pem(const std::string& certificates,
                                                             const std::string& key) {
  auto wrong = [](bool in_key, std::string text) {
    return tl::unexpected(Problem{in_key, std::move(text)});
  };
  auto read = read_certificates(certificates);
  if (!read) return wrong(false, read.error().message);
  if (read->empty()) return wrong(false, "holds no certificate");
  auto parts = std::make_shared<Parts>();
  parts->own = std::move(read->front());
  for (size_t i = 1; i < read->size(); ++i) parts->chain.push_back(std::move((*read)[i]));
  if (auto why = validity_problem(parts->own.get()); !why.empty()) return wrong(false, why);

  bool encrypted = false;
  Bio bio = memory_of(key);
  parts->key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, &encrypted));
  std::string why = take_openssl_error();
  if (encrypted)
    return wrong(true, "is encrypted; decrypt it, as with openssl pkey -in FILE -out PLAIN");
  if (!parts->key && key.find("PRIVATE KEY") == std::string::npos)
    return wrong(true, "holds no private key");
  if (!parts->key) return wrong(true, "holds a private key that cannot be read: " + why);
  if (X509_check_private_key(parts->own.get(), parts->key.get()) != 1) {
    ERR_clear_error();
    return wrong(true, "does not belong to the certificate");
  }
  return Identity(std::move(parts));
}

std::string Identity::certificate_pem() const {
  std::string out = pem_of(parts_->own.get());
  for (const auto& certificate : parts_->chain) out += pem_of(certificate.get());
  return out;
}

std::string Identity::key_pem() const {
  Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), parts_->key.get(), nullptr, nullptr, 0, nullptr,
                                nullptr);
  return written(bio);
}

std::string system_roots() {
  const char* chosen = std::getenv("SSL_CERT_FILE");
  if (chosen != nullptr && *chosen != '\0') return file_text(chosen);
  for (const char* path : kRootFiles) {
    if (std::string text = file_text(path); !text.empty()) return text;
  }
  return "";
}

}  // namespace mishap::net
