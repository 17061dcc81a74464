#include "mishap/net/certificate.h"

#include <cstdlib>

#include <gmock/gmock.h>

namespace mishap::net {
namespace {

using testing::HasSubstr;
using testing::Not;

std::shared_ptr<const Authority> authority() {
  static const auto made = *Authority::generate();
  return made;
}

// Self-signed, valid in January 2020.
constexpr const char* kExpired = R"(-----BEGIN CERTIFICATE-----
MIIBBzCBr6ADAgECAgEHMAoGCCqGSM49BAMCMA4xDDAKBgNVBAMMA29sZDAeFw0y
MDAxMDEwMDAwMDBaFw0yMDAyMDEwMDAwMDBaMA4xDDAKBgNVBAMMA29sZDBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABKAVmGL7+y9xhW4OyRcdYGEKV5XXsDu7ZcdK
c41+ZI7/X/Bt5xqf1uH4Halxx2oFlgFNl6d1XbOZn3TyT+hQC8kwCgYIKoZIzj0E
AwIDRwAwRAIgcRE+MON5lfJl0VDThE4G321xmQDEIj/MeY1YTyrgRNwCIGsgQWss
BpeHqEEXo0wB+VYUR624peAoZoJXPWnMDxIl
-----END CERTIFICATE-----
)";

constexpr const char* kEncrypted = R"(-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhX8mizdmycZgICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEGej8PcjVZQC/QdwS9WfUTAEgZB7
2o/49A/aZ8U+mh5tTLhwHMu+6wbaX2G+tQmCwUVX3a/4Oee+7Dls5ayao7LuM/K4
uvWPwet2TbwplTwqYZMu+XzdEG+NGjYX1tQuFIGx0O3cdVvstwidvax0rxaj10Y0
vO1VvjmkWDvcv6iLKywVv4AgLj/vDA4W/iGTyhvkHNRCtCjmHywdvNUWP+IAyPk=
-----END ENCRYPTED PRIVATE KEY-----
)";

std::string problem_of(const std::string& certificate, const std::string& key) {
  auto made = Identity::from_pem(certificate, key);
  if (made) return "none";
  return (made.error().in_key ? "key " : "certificate ") + made.error().text;
}

TEST(Identity, IsReadBackAsItWasWritten) {
  Identity made = *authority()->issue({"db", "127.0.0.1"});
  EXPECT_THAT(made.certificate_pem(), HasSubstr("BEGIN CERTIFICATE"));
  EXPECT_THAT(made.certificate_pem(), Not(HasSubstr("PRIVATE")));
  EXPECT_THAT(made.key_pem(), HasSubstr("BEGIN PRIVATE KEY"));
  auto again = Identity::from_pem(made.certificate_pem(), made.key_pem());
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_EQ(again->certificate_pem(), made.certificate_pem());
  EXPECT_EQ(again->key_pem(), made.key_pem());
}

TEST(Identity, SaysWhatIsWrongInWhichFile) {
  Identity one = *authority()->issue({"db"}), other = *authority()->issue({"db"});
  const std::string certificate = one.certificate_pem(), key = one.key_pem();
  EXPECT_EQ(problem_of(certificate, key), "none");
  EXPECT_EQ(problem_of("", key), "certificate holds no certificate");
  EXPECT_EQ(problem_of(key, key), "certificate holds no certificate");
  EXPECT_THAT(problem_of(certificate.substr(0, 200) + "\n-----END CERTIFICATE-----\n", key),
              HasSubstr("certificate holds a certificate that cannot be read: "));
  EXPECT_EQ(problem_of(certificate, certificate), "key holds no private key");
  EXPECT_EQ(problem_of(certificate, other.key_pem()), "key does not belong to the certificate");
  EXPECT_EQ(problem_of(certificate, kEncrypted),
            "key is encrypted; decrypt it, as with openssl pkey -in FILE -out PLAIN");
  EXPECT_EQ(problem_of(kExpired, key), "certificate expired on 2020-02-01");
}

TEST(Authority, EachHasAKeyOfItsOwn) {
  auto one = *Authority::generate(), other = *Authority::generate();
  EXPECT_NE(one->certificate_pem(), other->certificate_pem());
  EXPECT_THAT(one->certificate_pem(), Not(HasSubstr("PRIVATE")));
  EXPECT_EQ(*count_certificates(one->certificate_pem() + other->certificate_pem()), 2u);
}

TEST(SystemRoots, AreThoseThatTheEnvironmentNames) {
  const char* before = std::getenv("SSL_CERT_FILE");
  std::string saved = before != nullptr ? before : "";
  setenv("SSL_CERT_FILE", "/does/not/exist", 1);
  EXPECT_EQ(system_roots(), "");
  if (before != nullptr) {
    setenv("SSL_CERT_FILE", saved.c_str(), 1);
  } else {
    unsetenv("SSL_CERT_FILE");
  }
}

}  // namespace
}  // namespace mishap::net
