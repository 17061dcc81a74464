// What OpenSSL calls during a handshake. The engine is the connection's app data.
#pragma once

#include <openssl/ssl.h>

namespace mishap::net {

struct TlsCallbacks {
  static int on_hello(SSL* ssl, int* alert, void*);
  static int choose_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_length,
                         const unsigned char* in, unsigned in_length, void*);
  static int verify(int fine, X509_STORE_CTX* store);
  static int read(BIO* bio, char* into, size_t size, size_t* done);
  static int write(BIO* bio, const char* bytes, size_t size, size_t* done);
  static long control(BIO* bio, int command, long, void*);
};

}  // namespace mishap::net
