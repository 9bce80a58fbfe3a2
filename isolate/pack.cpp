// SPDX-License-Identifier: Apache-2.0
#include "isolate/pack.h"

#include <sys/capability.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>

#include "isolate/confine.h"
#include "isolate/guest_ids.h"
#include "isolate/libarchive.h"
#include "isolate/tree_file.h"

namespace ubc::isolate {
namespace {

/// "./etc/passwd" -> "etc/passwd"; the root is empty.
std::string_view path_of(archive_entry* entry) {
  const char* text = archive_entry_pathname(entry);
  std::string_view path = text != nullptr ? text : "";
  path.remove_prefix(path == "." ? 1 : path.starts_with("./") ? 2 : 0);
  return path;
}

/// Two machines must not share them.
bool is_host_key(std::string_view path) {
  constexpr std::string_view kStart = "etc/ssh/ssh_host_";
  return path.starts_with(kStart) && path.find('/', kStart.size()) == path.npos && (path.ends_with("_key") || path.ends_with("_key.pub"));
}

bool is_plain(archive_entry* entry) {
  const mode_t type = archive_entry_filetype(entry);
  return type == S_IFREG || type == S_IFDIR || type == S_IFLNK;
}

Result<Reader> open_tree(int flags) {
  Reader disk{archive_read_disk_new()};
  if (!disk) return os::error(Code::no_resources, "read the tree: out of memory");
  (void)archive_read_disk_set_symlink_physical(disk.get());
  (void)archive_read_disk_set_behavior(disk.get(), flags | ARCHIVE_READDISK_NO_FFLAGS | ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS);
  if (archive_read_disk_open(disk.get(), ".") != ARCHIVE_OK) return os::error(Code::system, "read the tree: {}", reason_of(disk.get()));
  return disk;
}

Result<> write_zeros(archive* out, la_int64_t count, const std::string& member) {
  static constexpr std::array<char, 65536> kZeros{};
  while (count > 0) {
    const auto part = static_cast<std::size_t>(std::min<la_int64_t>(count, kZeros.size()));
    if (archive_write_data(out, kZeros.data(), part) < 0) return os::error(Code::system, "write {}: {}", member, reason_of(out));
    count -= static_cast<la_int64_t>(part);
  }
  return {};
}

/// Holes are written as what they read as; a format that knows holes leaves them out again.
Result<> copy_file(archive* disk, archive* out, const std::string& member, la_int64_t size) {
  la_int64_t at = 0;
  for (;;) {
    const void* block = nullptr;
    std::size_t length = 0;
    la_int64_t offset = 0;
    const int got = archive_read_data_block(disk, &block, &length, &offset);
    if (got != ARCHIVE_OK && got != ARCHIVE_EOF) return os::error(Code::system, "read {}: {}", member, reason_of(disk));
    UBC_TRY(write_zeros(out, std::min(got == ARCHIVE_EOF ? size : offset, size) - at, member));
    if (got == ARCHIVE_EOF) return {};
    if (archive_write_data(out, block, length) < 0) return os::error(Code::system, "write {}: {}", member, reason_of(out));
    at = offset + static_cast<la_int64_t>(length);
  }
}

Result<> write_member(archive* disk, archive* out, archive_entry* entry) {
  const std::string member{path_of(entry)};
  if (archive_write_header(out, entry) < ARCHIVE_WARN) return os::error(Code::system, "write {}: {}", member, reason_of(out));
  if (archive_entry_filetype(entry) != S_IFREG || archive_entry_size(entry) == 0) return {};
  return copy_file(disk, out, member, archive_entry_size(entry));
}

/// Calls `write` for each member of the tree, and goes into a directory where it says so.
Result<> walk(archive* disk, const std::function<Result<bool>(archive_entry*)>& write) {
  const Entry entry{archive_entry_new()};
  if (!entry) return os::error(Code::no_resources, "read the tree: out of memory");
  for (;;) {
    const int got = archive_read_next_header2(disk, entry.get());
    if (got == ARCHIVE_EOF) return {};
    if (got < ARCHIVE_WARN) return os::error(Code::system, "read the tree: {}", reason_of(disk));
    if (UBC_TRY(write(entry.get()))) (void)archive_read_disk_descend(disk);
  }
}

Result<Writer> open_output(const os::Fd& out, bool as_manifest) {
  Writer writer{archive_write_new()};
  if (!writer) return os::error(Code::no_resources, "write: out of memory");
  archive* raw = writer.get();
  const bool ready = as_manifest
                         ? archive_write_set_format_mtree(raw) == ARCHIVE_OK &&
                               archive_write_set_options(raw, "!all,type,mode,uid,gid,size,sha256,link") == ARCHIVE_OK
                         : archive_write_set_format_pax_restricted(raw) == ARCHIVE_OK && archive_write_add_filter_gzip(raw) == ARCHIVE_OK;
  if (!ready || archive_write_open_fd(raw, out.get()) != ARCHIVE_OK)
    return os::error(Code::unsupported, "write with this libarchive: {}", reason_of(raw));
  return writer;
}

Result<> count_member(archive_entry* entry, PackReport& report) {
  ++report.members;
  if (archive_entry_filetype(entry) != S_IFREG || archive_entry_hardlink(entry) != nullptr) return {};
  const auto size = static_cast<std::uint64_t>(archive_entry_size(entry));
  if (size > kMaxPackedBytes - report.bytes)
    return os::error(Code::corrupt, "with {} it holds more than {} bytes, holes included", path_of(entry), kMaxPackedBytes);
  report.bytes += size;
  return {};
}

struct LinksFree {
  void operator()(archive_entry_linkresolver* links) const { archive_entry_linkresolver_free(links); }
};
using Links = std::unique_ptr<archive_entry_linkresolver, LinksFree>;

}  // namespace

Result<> enter_source(const std::string& directory) {
  constexpr std::array<int, 1> kKept{CAP_DAC_READ_SEARCH};
  return confine_to(UBC_TRY(os::DirFd::open(directory)), kKept, "read " + directory);
}

Result<PackReport> write_manifest(const os::Fd& out) {
  const Reader disk = UBC_TRY(open_tree(ARCHIVE_READDISK_NO_XATTR | ARCHIVE_READDISK_NO_ACL));
  const Writer writer = UBC_TRY(open_output(out, true));
  PackReport report;
  const auto write = [&](archive_entry* entry) -> Result<bool> {
    UBC_TRY(count_member(entry, report));
    UBC_TRY(write_member(disk.get(), writer.get(), entry));
    return true;
  };
  UBC_TRY(walk(disk.get(), write));
  if (archive_write_close(writer.get()) != ARCHIVE_OK) return os::error(Code::system, "finish: {}", reason_of(writer.get()));
  return report;
}

Result<PackReport> write_template(const os::Fd& out, uid_t base) {
  const Reader disk = UBC_TRY(open_tree(0));
  const Writer writer = UBC_TRY(open_output(out, false));
  const Links links{archive_entry_linkresolver_new()};
  if (!links) return os::error(Code::no_resources, "read the tree: out of memory");
  archive_entry_linkresolver_set_strategy(links.get(), archive_format(writer.get()));
  PackReport report;
  const auto write = [&](archive_entry* entry) -> Result<bool> {
    const std::string path{path_of(entry)};
    if (!is_plain(entry) || is_host_key(path)) return false;
    UBC_TRY(os::with_context(count_from_zero(entry, base), path));
    if (archive_entry* same = entry, *later = nullptr; archive_entry_filetype(entry) == S_IFREG)
      archive_entry_linkify(links.get(), &same, &later);   // of a tar: the same entry, made a link where its file was written already
    UBC_TRY(count_member(entry, report));
    UBC_TRY(write_member(disk.get(), writer.get(), entry));
    return !is_filled_at_start(path);
  };
  UBC_TRY(walk(disk.get(), write));
  if (archive_write_close(writer.get()) != ARCHIVE_OK) return os::error(Code::system, "finish: {}", reason_of(writer.get()));
  return report;
}

}  // namespace ubc::isolate
