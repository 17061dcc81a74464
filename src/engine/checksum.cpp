#include "checksum.h"

#include <fstream>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <openssl/evp.h>

namespace mishap::engine {

Result<std::string> sha256_of_file(const std::filesystem::path& file) {
  constexpr size_t kChunk = 1 << 20;
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail_errno("read " + file.string());
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                  &EVP_MD_CTX_free);
  bool fine = EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  std::vector<char> chunk(kChunk);
  while (fine && in) {
    in.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    fine = EVP_DigestUpdate(context.get(), chunk.data(), static_cast<size_t>(in.gcount())) == 1;
  }
  if (in.bad()) return fail_errno("read " + file.string());
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  if (!fine || EVP_DigestFinal_ex(context.get(), digest, &length) != 1)
    return fail("compute the SHA-256 of " + file.string());
  std::string text;
  for (unsigned int i = 0; i < length; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

}  // namespace mishap::engine
