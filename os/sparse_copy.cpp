// SPDX-License-Identifier: Apache-2.0
#include "os/sparse_copy.h"

#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace ubc::os {
namespace {

constexpr off_t kPiece = off_t{1} << 20;

struct Extent {
  off_t begin = 0, end = 0;   ///< both the size where there is no more data
};

Result<Extent> next_data(int source, off_t at, off_t size, std::string_view name) {
  const off_t data = ::lseek(source, at, SEEK_DATA);
  if (data < 0 && errno == ENXIO) return Extent{size, size};
  const off_t end = data < 0 ? data : ::lseek(source, data, SEEK_HOLE);
  if (end < 0 && errno == ENXIO) return Extent{size, size};   // cut off since
  if (end < 0) return sys_error(errno, "find the holes of", name);
  if (data < at || end <= data) return error(Code::corrupt, "find the holes of {}: its file system says what cannot be", name);
  return Extent{std::min(data, size), std::min(end, size)};
}

}  // namespace

Result<SparseCopy> copy_sparse(int source, int target, off_t size, std::string_view name) {
  if (::ftruncate(target, size) != 0) return sys_error(errno, "make room for", name);
  SparseCopy copy{size, 0};
  for (off_t at = 0; at < size;) {
    const Extent data = UBC_TRY(next_data(source, at, size, name));
    if (::lseek(target, data.begin, SEEK_SET) < 0) return sys_error(errno, "copy", name);
    for (at = data.begin; at < data.end;) {
      const ssize_t moved = ::sendfile(target, source, &at, static_cast<std::size_t>(std::min(data.end - at, kPiece)));
      if (moved < 0) return sys_error(errno, "copy", name);
      copy.bytes += static_cast<std::uint64_t>(moved);
      if (moved > 0) continue;
      copy.size = at;
      return ::ftruncate(target, at) == 0 ? Result<SparseCopy>{copy} : Result<SparseCopy>{sys_error(errno, "copy", name)};
    }
    at = data.end;
  }
  return copy;
}

}  // namespace ubc::os
