// SPDX-License-Identifier: Apache-2.0
#include "isolate/guest_ids.h"

#include <archive.h>
#include <endian.h>
#include <linux/capability.h>

#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "isolate/guest_spec.h"

namespace ubc::isolate {
namespace {

Result<la_int64_t> from_zero(la_int64_t id, uid_t base) {
  if (id >= 0 && id < kIdsPerGuest) return id;
  if (id >= base && id < la_int64_t{base} + kIdsPerGuest) return id - base;
  return os::error(Code::corrupt, "it belongs to id {} of the host, which is none of this guest's", id);
}

struct AclItem {
  int type, permissions, tag, id;
};

Result<> shift_acls(archive_entry* entry, uid_t base) {
  constexpr int kAll = ARCHIVE_ENTRY_ACL_TYPE_ACCESS | ARCHIVE_ENTRY_ACL_TYPE_DEFAULT;
  if (archive_entry_acl_reset(entry, kAll) == 0) return {};
  std::vector<AclItem> items;
  AclItem item{};
  const char* name = nullptr;
  while (archive_entry_acl_next(entry, kAll, &item.type, &item.permissions, &item.tag, &item.id, &name) == ARCHIVE_OK) {
    if (item.tag == ARCHIVE_ENTRY_ACL_USER || item.tag == ARCHIVE_ENTRY_ACL_GROUP)
      item.id = static_cast<int>(UBC_TRY(from_zero(static_cast<unsigned>(item.id), base)));
    items.push_back(item);
  }
  archive_entry_acl_clear(entry);
  for (const AclItem& kept : items) (void)archive_entry_acl_add_entry(entry, kept.type, kept.permissions, kept.tag, kept.id, "");
  return {};
}

/// A guest's file capabilities name its root; a template's are those of whoever is root there.
std::string without_root_id(std::string_view value) {
  vfs_ns_cap_data full{};
  if (value.size() != XATTR_CAPS_SZ_3) return std::string{value};
  std::memcpy(&full, value.data(), sizeof full);
  const std::uint32_t magic = le32toh(full.magic_etc);
  if ((magic & VFS_CAP_REVISION_MASK) != VFS_CAP_REVISION_3) return std::string{value};
  full.magic_etc = htole32((magic & ~VFS_CAP_REVISION_MASK) | VFS_CAP_REVISION_2);
  std::string plain(XATTR_CAPS_SZ_2, '\0');
  std::memcpy(plain.data(), &full, plain.size());
  return plain;
}

void keep_attributes(archive_entry* entry) {
  std::map<std::string, std::string> kept;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  (void)archive_entry_xattr_reset(entry);
  while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    const std::string_view key = name != nullptr ? name : "", bytes{static_cast<const char*>(value), size};
    if (key == "security.capability") kept.emplace(key, without_root_id(bytes));
    if (key.starts_with("user.")) kept.emplace(key, bytes);
  }
  archive_entry_xattr_clear(entry);
  for (const auto& [key, bytes] : kept) archive_entry_xattr_add_entry(entry, key.c_str(), bytes.data(), bytes.size());
}

}  // namespace

Result<> count_from_zero(archive_entry* entry, uid_t base) {
  archive_entry_set_uid(entry, UBC_TRY(from_zero(archive_entry_uid(entry), base)));
  archive_entry_set_gid(entry, UBC_TRY(from_zero(archive_entry_gid(entry), base)));
  UBC_TRY(shift_acls(entry, base));
  keep_attributes(entry);
  return {};
}

}  // namespace ubc::isolate
