// SPDX-License-Identifier: Apache-2.0
#include "isolate/hashed_file.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <cerrno>

namespace ubc::isolate {

void HashedFile::ContextFree::operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }

Result<HashedFile> HashedFile::open(const os::Fd& file) {
  // No configuration file: later one would be looked for in the untrusted tree.
  (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  HashedFile hashed;
  hashed.fd_ = file.get();
  hashed.block_ = std::make_unique<Block>();
  hashed.context_.reset(EVP_MD_CTX_new());
  if (!hashed.context_ || EVP_DigestInit_ex(hashed.context_.get(), EVP_sha256(), nullptr) != 1)
    return os::error(Code::no_resources, "set up SHA-256");
  return hashed;
}

ssize_t HashedFile::read(const void** block) {
  ssize_t got;
  while ((got = ::read(fd_, block_->data(), block_->size())) < 0 && errno == EINTR) {
  }
  if (got > 0) (void)EVP_DigestUpdate(context_.get(), block_->data(), static_cast<std::size_t>(got));
  *block = block_->data();
  return got;
}

Result<std::string> HashedFile::digest() {
  const void* rest = nullptr;
  ssize_t got;
  while ((got = read(&rest)) > 0) {
  }
  if (got < 0) return os::sys_error(errno, "read to its end");
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned length = 0;
  if (EVP_DigestFinal_ex(context_.get(), bytes.data(), &length) != 1) return os::error(Code::system, "finish SHA-256");
  std::string text;
  for (unsigned i = 0; i < length; ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

}  // namespace ubc::isolate
