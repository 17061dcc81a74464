#include <array>

#include <fmt/format.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "mishap/net/certificate.h"
#include "mishap/net/sockets.h"

#include "openssl.h"

namespace mishap::net {

struct Authority::Parts {
  Certificate certificate;
  Key key;
};

namespace {

constexpr long kSlackSeconds = 60L * 60;
constexpr long kValidSeconds = 24L * 60 * 60;
constexpr size_t kLongestCommonName = 64;  // ub-common-name, RFC 5280

tl::unexpected<Error> openssl_failure(const char* what) {
  return fail(fmt::format("{}: {}", what, take_openssl_error()));
}

/// A new certificate without names, issuer or signature.
Result<Certificate> blank(EVP_PKEY* key) {
  Certificate made(X509_new());
  std::array<unsigned char, 16> serial{};
  bool fine = made && RAND_bytes(serial.data(), serial.size()) == 1;
  serial[0] &= 0x7f;  // a serial number is positive
  serial[0] |= 0x40;
  std::unique_ptr<BIGNUM, Freed<BN_free>> number(BN_bin2bn(serial.data(), serial.size(), nullptr));
  fine = fine && number && X509_set_version(made.get(), X509_VERSION_3) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(made.get())) != nullptr &&
         X509_gmtime_adj(X509_getm_notBefore(made.get()), -kSlackSeconds) != nullptr &&
         X509_gmtime_adj(X509_getm_notAfter(made.get()), kValidSeconds) != nullptr &&
         X509_set_pubkey(made.get(), key) == 1;
  if (!fine) return openssl_failure("make a certificate");
  return made;
}

Result<void> set_common_name(X509* certificate, const std::string& name) {
  std::string text = name.substr(0, kLongestCommonName);
  X509_NAME* subject = X509_get_subject_name(certificate);
  if (X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(text.data()),
                                 static_cast<int>(text.size()), -1, 0) == 1)
    return {};
  return openssl_failure("name a certificate");
}

Result<void> add_extension(X509* certificate, X509* issuer, int id, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, id, value));
  if (extension && X509_add_ext(certificate, extension.get(), -1) == 1) return {};
  return openssl_failure("extend a certificate");
}

Result<void> sign(X509* certificate, EVP_PKEY* key) {
  if (X509_sign(certificate, key, EVP_sha256()) != 0) return {};
  return openssl_failure("sign a certificate");
}

/// "DNS:db,IP:127.0.0.1"
std::string alternative_names(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) {
    if (!out.empty()) out += ',';
    out += (Address::numeric(name, 0) ? "IP:" : "DNS:") + name;
  }
  return out;
}

}  // namespace

Result<std::shared_ptr<const Authority>> Authority::generate() {
  auto parts = std::make_shared<Parts>();
  parts->key.reset(EVP_EC_gen("P-256"));
  if (!parts->key) return openssl_failure("make a key");
  MISHAP_ASSIGN(parts->certificate, blank(parts->key.get()));
  X509* own = parts->certificate.get();
  MISHAP_TRY(set_common_name(own, "Mishap authority of one run"));
  X509_set_issuer_name(own, X509_get_subject_name(own));
  MISHAP_TRY(add_extension(own, own, NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
  MISHAP_TRY(add_extension(own, own, NID_key_usage, "critical,keyCertSign,cRLSign"));
  MISHAP_TRY(add_extension(own, own, NID_subject_key_identifier, "hash"));
  MISHAP_TRY(sign(own, parts->key.get()));
  std::string pem = pem_of(own);
  return std::make_shared<const Authority>(std::move(parts), std::move(pem));
}

Result<Identity> Authority::issue(const std::vector<std::string>& names) const {
  auto made = std::make_shared<Identity::Parts>();
  made->key.reset(EVP_EC_gen("P-256"));
  if (!made->key) return openssl_failure("make a key");
  MISHAP_ASSIGN(made->own, blank(made->key.get()));
  X509* own = made->own.get();
  X509* issuer = parts_->certificate.get();
  MISHAP_TRY(set_common_name(own, names.empty() ? "mishap" : names.front()));
  X509_set_issuer_name(own, X509_get_subject_name(issuer));
  MISHAP_TRY(add_extension(own, issuer, NID_basic_constraints, "critical,CA:FALSE"));
  MISHAP_TRY(add_extension(own, issuer, NID_key_usage, "critical,digitalSignature"));
  MISHAP_TRY(add_extension(own, issuer, NID_ext_key_usage, "serverAuth,clientAuth"));
  MISHAP_TRY(add_extension(own, issuer, NID_subject_key_identifier, "hash"));
  MISHAP_TRY(add_extension(own, issuer, NID_authority_key_identifier, "keyid:always"));
  if (!names.empty())
    MISHAP_TRY(add_extension(own, issuer, NID_subject_alt_name, alternative_names(names).c_str()));
  MISHAP_TRY(sign(own, parts_->key.get()));
  return Identity(std::move(made));
}

}  // namespace mishap::net
