// SPDX-License-Identifier: Apache-2.0
// A file's bytes, and their SHA-256 when all of them were read: of what was really seen, however the file changes meanwhile.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>

#include <openssl/types.h>

#include "os/fd.h"
#include "os/result.h"

namespace ubc::isolate {

class HashedFile {
 public:
  /// Before confinement: the library looks for its parts now. `file` must outlive it.
  [[nodiscard]] static Result<HashedFile> open(const os::Fd& file);

  /// The next bytes in `block`, which is good until the next call; 0: there are no more. -1 and errno.
  [[nodiscard]] ssize_t read(const void** block);
  /// Reads what is left. 64 hexadecimal digits.
  [[nodiscard]] Result<std::string> digest();

 private:
  struct ContextFree {
    void operator()(EVP_MD_CTX* context) const;
  };
  using Block = std::array<char, std::size_t{1} << 16>;

  int fd_ = -1;
  std::unique_ptr<EVP_MD_CTX, ContextFree> context_;
  std::unique_ptr<Block> block_;
};

}  // namespace ubc::isolate
