// SPDX-License-Identifier: Apache-2.0
#include "exporter/gzip.h"

#define ZLIB_CONST
#include <zlib.h>

#include <limits>

namespace ubc::exporter {

Result<std::string> gzip(std::string_view text) {
  constexpr int kGzipHeader = 16, kWindowBits = 15, kMemoryLevel = 8;
  if (text.size() > std::numeric_limits<uInt>::max()) return os::error(Code::no_resources, "compress {} bytes: too many at once", text.size());
  z_stream stream{};
  if (::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipHeader + kWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK)
    return os::error(Code::no_resources, "compress {} bytes: no memory for zlib", text.size());
  std::string packed(::deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<const Bytef*>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int ended = ::deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  (void)::deflateEnd(&stream);
  if (ended != Z_STREAM_END) return os::error(Code::no_resources, "compress {} bytes: zlib answers {}", text.size(), ended);
  packed.shrink_to_fit();
  return packed;
}

}  // namespace ubc::exporter
