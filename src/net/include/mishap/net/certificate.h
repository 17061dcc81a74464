// Certificates with their private keys, and the authority that makes them.
//
// Private keys live in memory. Only `Identity::key_pem` gives one away, for a program that has to
// read its own from a file; an authority's key cannot be had at all.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "mishap/base/result.h"

namespace mishap::net {

/// A certificate, those that lead from it to its root, and its private key. Immutable and shared:
/// copies are cheap, any thread may use one.
class Identity {
 public:
  /// `certificates`: PEM, the own one first. Errors say what is wrong in words that follow a file's
  /// name, `in_key` whose file it is: "holds no certificate", "expired on 2024-01-31", "is not
  /// valid before 2030-01-31", "is encrypted; …", "does not belong to the certificate".
  struct Problem {
    bool in_key = false;
    std::string text;
  };
  static tl::expected<Identity, Problem> from_pem(const std::string& certificates,
                                                  const std::string& key);

  /// The own certificate and those after it.
  std::string certificate_pem() const;
  /// Secret.
  std::string key_pem() const;

  struct Parts;
  const Parts& parts() const { return *parts_; }
  explicit Identity(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}

 private:
  std::shared_ptr<const Parts> parts_;
};

/// Makes certificates that whoever trusts it accepts. Immutable; any thread.
class Authority {
 public:
  /// With a key of its own (ECDSA P-256) that nobody ever sees. Valid for a day, from an hour ago
  /// on: clocks differ.
  static Result<std::shared_ptr<const Authority>> generate();

  const std::string& certificate_pem() const { return certificate_pem_; }
  /// A certificate with a key of its own for a server that is known by these names: host names and
  /// numeric addresses, the first being its common name. Valid as long as the authority.
  Result<Identity> issue(const std::vector<std::string>& names) const;

  struct Parts;
  Authority(std::shared_ptr<const Parts> parts, std::string certificate_pem)
      : parts_(std::move(parts)), certificate_pem_(std::move(certificate_pem)) {}

 private:
  std::shared_ptr<const Parts> parts_;
  std::string certificate_pem_;
};

/// The certificates that this machine trusts, as PEM: of $SSL_CERT_FILE or where distributions put
/// them. "" when there are none.
std::string system_roots();

/// How many certificates a PEM text holds. Error: one that cannot be read.
Result<size_t> count_certificates(const std::string& pem);

}  // namespace mishap::net
