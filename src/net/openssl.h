// OpenSSL's objects as owners, and its errors as text.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "mishap/net/certificate.h"

namespace mishap::net {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

struct Identity::Parts {
  Certificate own;
  std::vector<Certificate> chain;  ///< the others, in order
  Key key;
};

/// The oldest error of this thread's queue, which is emptied; "" when there is none.
std::string take_openssl_error();

Bio memory_of(const std::string& text);
/// All certificates of a PEM text, in order. Error: one that cannot be read.
Result<std::vector<Certificate>> read_certificates(const std::string& pem);
std::string pem_of(X509* certificate);

}  // namespace mishap::net
