// SPDX-License-Identifier: Apache-2.0
#include "exporter/gzip.h"

#include <libdeflate.h>

#include <memory>

namespace ubc::exporter {

Result<std::string> gzip(std::string_view text) {
  constexpr int kFastest = 1;
  const std::unique_ptr<libdeflate_compressor, void (*)(libdeflate_compressor*)> compressor{libdeflate_alloc_compressor(kFastest),
                                                                                            libdeflate_free_compressor};
  if (compressor == nullptr) return os::error(Code::no_resources, "compress {} bytes: no memory", text.size());
  std::string packed;
  packed.resize_and_overwrite(libdeflate_gzip_compress_bound(compressor.get(), text.size()), [&](char* into, std::size_t room) {
    return libdeflate_gzip_compress(compressor.get(), text.data(), text.size(), into, room);
  });
  if (packed.empty()) return os::error(Code::corrupt, "compress {} bytes: more than they can become", text.size());
  packed.shrink_to_fit();
  return packed;
}

}  // namespace ubc::exporter
