// SPDX-License-Identifier: Apache-2.0
#include "isolate/unpack.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "isolate/confine.h"
#include "isolate/libarchive.h"

namespace ubc::isolate {
namespace {

constexpr la_int64_t kLastId = 65535;    // a guest has 65536 ids: an owner above could never be mapped
constexpr std::size_t kMaxDepth = 256;   // so that one descriptor a level is enough to remove the tree again

la_ssize_t read_block(archive* reader, void* source, const void** block) {
  const ssize_t got = static_cast<HashedFile*>(source)->read(block);
  if (got < 0) archive_set_error(reader, errno, "%s", std::strerror(errno));
  return got;
}

Result<Reader> open_reader(HashedFile& file, const std::string& name) {
  Reader reader{archive_read_new()};
  if (!reader) return os::error(Code::no_resources, "read {}: out of memory", name);
  archive* raw = reader.get();
  // Anything but ARCHIVE_OK would mean that a helper program does the work: not one that lies in the untrusted tree.
  for (const int known : {archive_read_support_filter_gzip(raw), archive_read_support_filter_xz(raw), archive_read_support_filter_zstd(raw),
                          archive_read_support_filter_bzip2(raw), archive_read_support_format_tar(raw)})
    if (known != ARCHIVE_OK) return os::error(Code::unsupported, "read {}: this libarchive was built without {}", name, reason_of(raw));
  if (archive_read_open(raw, &file, nullptr, &read_block, nullptr) != ARCHIVE_OK)
    return os::error(Code::corrupt, "{} is not a tar archive (plain, gzip, xz, zstd or bzip2): {}", name, reason_of(raw));
  return reader;
}

Result<Writer> open_writer() {
  Writer writer{archive_write_disk_new()};
  constexpr int kFlags = ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_ACL | ARCHIVE_EXTRACT_XATTR |
                         ARCHIVE_EXTRACT_UNLINK | ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT |
                         ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS;
  if (!writer || archive_write_disk_set_options(writer.get(), kFlags) != ARCHIVE_OK)
    return os::error(Code::no_resources, "set up the unpacking: out of memory");
  return writer;   // no name look-up is set: owners are the numbers in the archive
}

/// The components without "." and empty ones. `what` is "member" or "hard link target".
Result<std::vector<std::string>> safe_components(std::string_view path, std::string_view what) {
  if (path.empty()) return os::error(Code::corrupt, "the {} has no name", what);
  if (path.front() == '/') return os::error(Code::corrupt, "the {} {} is absolute", what, path);
  std::vector<std::string> components;
  for (std::string_view rest = path; !rest.empty();) {
    const std::size_t end = rest.find('/');
    const std::string_view component = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    if (component == "..") return os::error(Code::corrupt, "the {} {} has a .. in it", what, path);
    if (!component.empty() && component != ".") components.emplace_back(component);
  }
  if (components.size() > kMaxDepth)
    return os::error(Code::corrupt, "the {} {:.60}... is more than {} directories deep", what, path, kMaxDepth);
  return components;
}

std::string joined(const std::vector<std::string>& components) {
  return components.empty() ? "." : fmt::format("{}", fmt::join(components, "/"));
}

/// Every directory above must be one, or not exist yet. The tree was empty, so whatever lies there an earlier member made.
Result<> check_parents(const std::vector<std::string>& components, std::string_view what) {
  std::string parent;
  for (std::size_t i = 0; i + 1 < components.size(); ++i) {
    parent += (i == 0 ? "" : "/") + components[i];
    struct stat seen{};
    if (::lstat(parent.c_str(), &seen) != 0) {
      if (errno == ENOENT) return {};
      return os::sys_error(errno, "look at", parent);
    }
    if (S_ISLNK(seen.st_mode))
      return os::error(Code::corrupt, "the {} {} leads through the symbolic link {}", what, joined(components), parent);
    if (!S_ISDIR(seen.st_mode))
      return os::error(Code::corrupt, "the {} {} lies below {}, which is no directory", what, joined(components), parent);
  }
  return {};
}

Result<> check_hardlink(archive_entry* entry, const std::string& member) {
  const char* target = archive_entry_hardlink(entry);
  if (target == nullptr) return {};
  const auto components = UBC_TRY(os::with_context(safe_components(target, "hard link target"), member));
  UBC_TRY(os::with_context(check_parents(components, "hard link target"), member));
  const std::string path = joined(components);
  struct stat seen{};
  if (::lstat(path.c_str(), &seen) != 0)
    return os::error(Code::corrupt, "{} is a hard link to {}, which no earlier member made", member, path);
  if (!S_ISREG(seen.st_mode)) return os::error(Code::corrupt, "{} is a hard link to {}, which is no regular file", member, path);
  archive_entry_set_hardlink(entry, path.c_str());
  return {};
}

Result<> check_owner(archive_entry* entry, const std::string& member) {
  const la_int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);
  if (uid < 0 || uid > kLastId || gid < 0 || gid > kLastId)
    return os::error(Code::corrupt, "{} belongs to {}:{}, but guests have the ids 0 to {}", member, uid, gid, kLastId);
  constexpr int kAll = ARCHIVE_ENTRY_ACL_TYPE_ACCESS | ARCHIVE_ENTRY_ACL_TYPE_DEFAULT;
  (void)archive_entry_acl_reset(entry, kAll);
  int type = 0, permissions = 0, tag = 0, id = 0;
  const char* name = nullptr;
  while (archive_entry_acl_next(entry, kAll, &type, &permissions, &tag, &id, &name) == ARCHIVE_OK)
    if ((tag == ARCHIVE_ENTRY_ACL_USER || tag == ARCHIVE_ENTRY_ACL_GROUP) && (id < 0 || id > kLastId))
      return os::error(Code::corrupt, "{} has an access list for id {}, but guests have the ids 0 to {}", member, id, kLastId);
  return {};
}

/// A member may replace an earlier one of its own kind only.
Result<> check_replacement(archive_entry* entry, const std::string& member) {
  struct stat seen{};
  if (::lstat(member.c_str(), &seen) != 0) return {};
  const mode_t type = archive_entry_hardlink(entry) != nullptr ? mode_t{S_IFREG} : archive_entry_filetype(entry);
  if ((seen.st_mode & S_IFMT) == type) return {};
  return os::error(Code::corrupt, "the member {} comes twice, as different kinds of file", member);
}

bool keeps_attribute(std::string_view name) {
  return name == "security.capability" || (name.starts_with("user.") && !name.starts_with("user.overlay."));
}

/// An access list as tar of GNU stores it, in the form of setxattr(2): handed on as one, because libarchive skips the attribute.
/// False if it is no access list. Ids are checked later, with those of other access lists.
bool take_access_list(archive_entry* entry, std::string_view name, std::string_view value) {
  struct Item {
    std::uint16_t tag, permissions;
    std::uint32_t id;
  };
  constexpr std::array<std::pair<std::uint16_t, int>, 6> kTags{{{0x01, ARCHIVE_ENTRY_ACL_USER_OBJ},
                                                                {0x02, ARCHIVE_ENTRY_ACL_USER},
                                                                {0x04, ARCHIVE_ENTRY_ACL_GROUP_OBJ},
                                                                {0x08, ARCHIVE_ENTRY_ACL_GROUP},
                                                                {0x10, ARCHIVE_ENTRY_ACL_MASK},
                                                                {0x20, ARCHIVE_ENTRY_ACL_OTHER}}};
  const bool is_default = name == "system.posix_acl_default";
  constexpr std::string_view kVersion2{"\2\0\0\0", 4};
  if ((!is_default && name != "system.posix_acl_access") || !value.starts_with(kVersion2) ||
      value.size() % sizeof(Item) != kVersion2.size())
    return false;
  for (std::size_t at = kVersion2.size(); at < value.size(); at += sizeof(Item)) {
    Item item{};
    std::memcpy(&item, value.data() + at, sizeof item);
    const auto* const known = std::ranges::find(kTags, item.tag, &std::pair<std::uint16_t, int>::first);
    if (known == kTags.end() || item.permissions > 7) return false;
    const bool named = known->second == ARCHIVE_ENTRY_ACL_USER || known->second == ARCHIVE_ENTRY_ACL_GROUP;
    (void)archive_entry_acl_add_entry(entry, is_default ? ARCHIVE_ENTRY_ACL_TYPE_DEFAULT : ARCHIVE_ENTRY_ACL_TYPE_ACCESS, item.permissions,
                                      known->second, named ? static_cast<int>(item.id) : -1, "");
  }
  return true;
}

/// Drops trusted.* above all: overlayfs would obey trusted.overlay.* of a lower layer. Returns how many were left out.
std::uint64_t filter_attributes(archive_entry* entry) {
  std::map<std::string, std::string> attributes;   // libarchive's own archives hold each one twice
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  (void)archive_entry_xattr_reset(entry);
  while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
    attributes.insert_or_assign(name != nullptr ? name : "", std::string{static_cast<const char*>(value), size});
  archive_entry_xattr_clear(entry);
  std::uint64_t left_out = 0;
  for (const auto& [key, bytes] : attributes) {
    if (keeps_attribute(key))
      archive_entry_xattr_add_entry(entry, key.c_str(), bytes.data(), bytes.size());
    else if (!take_access_list(entry, key, bytes))
      ++left_out;
  }
  return left_out;
}

Result<> check_member(archive_entry* entry, const UnpackLimits& limits, UnpackReport& report) {
  const char* path = archive_entry_pathname(entry);
  if (path == nullptr) return os::error(Code::corrupt, "member {} has a name that is not UTF-8", report.members + 1);
  const auto components = UBC_TRY(safe_components(path, "member"));
  const std::string member = joined(components);
  UBC_TRY(check_parents(components, "member"));
  report.attributes_left_out += filter_attributes(entry);
  UBC_TRY(check_owner(entry, member));
  const la_int64_t size = archive_entry_size(entry);
  if (size < 0 || static_cast<std::uint64_t>(size) > limits.max_bytes - report.bytes)
    return os::error(Code::corrupt, "with {} the archive holds more than {} bytes: raise --max-bytes if it may", member, limits.max_bytes);
  report.bytes += static_cast<std::uint64_t>(size);
  UBC_TRY(check_hardlink(entry, member));
  UBC_TRY(check_replacement(entry, member));
  archive_entry_set_pathname(entry, member.c_str());
  return {};
}

bool is_left_out(archive_entry* entry) {
  if (archive_entry_hardlink(entry) != nullptr) return false;
  const mode_t type = archive_entry_filetype(entry);
  return type != S_IFREG && type != S_IFDIR && type != S_IFLNK;
}

void tell(const ReadProgress& progress, archive* reader) {
  if (const la_int64_t bytes = archive_filter_bytes(reader, -1); progress && bytes > 0) progress(static_cast<std::uint64_t>(bytes));
}

Result<> copy_data(archive* reader, archive* writer, const std::string& member, const ReadProgress& progress) {
  for (;;) {
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int got = archive_read_data_block(reader, &block, &size, &offset);
    if (got == ARCHIVE_EOF) return {};
    if (got != ARCHIVE_OK) return os::error(Code::corrupt, "read the member {}: {}", member, reason_of(reader));
    if (archive_write_data_block(writer, block, size, offset) != ARCHIVE_OK)
      return os::error(Code::system, "write the member {}: {}", member, reason_of(writer));
    tell(progress, reader);
  }
}

Result<> write_member(archive* reader, archive* writer, archive_entry* entry, const ReadProgress& progress) {
  const std::string member = archive_entry_pathname(entry);
  if (archive_write_header(writer, entry) != ARCHIVE_OK)
    return os::error(Code::system, "make the member {}: {}", member, reason_of(writer));
  if (archive_entry_size(entry) > 0) UBC_TRY(copy_data(reader, writer, member, progress));
  if (archive_write_finish_entry(writer) != ARCHIVE_OK)
    return os::error(Code::system, "finish the member {}: {}", member, reason_of(writer));
  return {};
}

Result<> check_empty(const os::DirFd& directory) {
  os::Fd fd = UBC_TRY(os::open_file_at(directory, ".", O_RDONLY | O_DIRECTORY));
  const std::unique_ptr<DIR, int (*)(DIR*)> listing{::fdopendir(fd.get()), &::closedir};
  if (!listing) return os::sys_error(errno, "list", directory.name());
  (void)fd.release();
  while (const dirent* item = ::readdir(listing.get()))
    if (const std::string_view name = item->d_name; name != "." && name != "..")
      return os::error(Code::bad_state, "unpack into {}: it is not empty ({} is there); give an empty directory", directory.name(), name);
  return {};
}

}   // namespace

Result<> enter_destination(const std::string& directory) {
  constexpr std::array<int, 5> kKept{CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_SETFCAP};
  const os::DirFd root = UBC_TRY(os::DirFd::open(directory));
  UBC_TRY(check_empty(root));
  return confine_to(root, kKept, "unpack into " + directory);
}

Result<UnpackReport> unpack_archive(HashedFile& archive, const std::string& name, const UnpackLimits& limits,
                                    const ReadProgress& progress) {
  const Reader reader = UBC_TRY(open_reader(archive, name));
  const Writer writer = UBC_TRY(open_writer());
  UnpackReport report;
  for (archive_entry* entry = nullptr;;) {
    const int got = archive_read_next_header(reader.get(), &entry);
    if (got == ARCHIVE_EOF) break;
    if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
      return os::error(Code::corrupt, "read {} after {} members: {}", name, report.members, reason_of(reader.get()));
    if (report.members + report.devices_left_out >= limits.max_members)
      return os::error(Code::corrupt, "{} has more than {} members: raise --max-members if it may", name, limits.max_members);
    UBC_TRY(os::with_context(check_member(entry, limits, report), name));
    if (is_left_out(entry)) {
      ++report.devices_left_out;
      continue;
    }
    UBC_TRY(os::with_context(write_member(reader.get(), writer.get(), entry, progress), name));
    tell(progress, reader.get());
    ++report.members;
  }
  if (archive_write_close(writer.get()) != ARCHIVE_OK) return os::error(Code::system, "finish {}: {}", name, reason_of(writer.get()));
  report.sha256 = UBC_TRY(os::with_context(archive.digest(), name));
  return report;
}

}   // namespace ubc::isolate
