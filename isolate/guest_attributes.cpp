// SPDX-License-Identifier: Apache-2.0
#include "isolate/guest_attributes.h"

#include <endian.h>
#include <linux/capability.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

#include <cstring>

namespace ubc::isolate {
namespace {

using Kept = std::optional<std::string>;

/// Those without a root of their own are of whoever is root: here the guest's.
Kept capabilities_of_root(std::string_view value, uid_t base) {
  if (value.size() != XATTR_CAPS_SZ_2) return std::nullopt;
  vfs_ns_cap_data data{};
  std::memcpy(&data, value.data(), value.size());
  const std::uint32_t magic = le32toh(data.magic_etc);
  if ((magic & VFS_CAP_REVISION_MASK) != VFS_CAP_REVISION_2) return std::nullopt;
  data.magic_etc = htole32((magic & ~static_cast<std::uint32_t>(VFS_CAP_REVISION_MASK)) | VFS_CAP_REVISION_3);
  data.rootid = htole32(base);
  std::string moved(XATTR_CAPS_SZ_3, '\0');
  std::memcpy(moved.data(), &data, moved.size());
  return moved;
}

Result<Kept> moved_access_list(std::string_view value, uid_t base) {
  std::string moved{value};
  posix_acl_xattr_header header{};
  if (value.size() < sizeof header || (value.size() - sizeof header) % sizeof(posix_acl_xattr_entry) != 0) return Kept{};
  std::memcpy(&header, value.data(), sizeof header);
  if (le32toh(header.a_version) != POSIX_ACL_XATTR_VERSION) return Kept{};
  for (std::size_t at = sizeof header; at < moved.size(); at += sizeof(posix_acl_xattr_entry)) {
    posix_acl_xattr_entry entry{};
    std::memcpy(&entry, moved.data() + at, sizeof entry);
    if (const auto tag = le16toh(entry.e_tag); tag != ACL_USER && tag != ACL_GROUP) continue;
    const std::uint32_t id = le32toh(entry.e_id);
    if (id > kLastGuestId)
      return os::error(Code::corrupt, "it has an access list for id {}, and guests have the ids 0 to {}", id, kLastGuestId);
    entry.e_id = htole32(base + id);
    std::memcpy(moved.data() + at, &entry, sizeof entry);
  }
  return Kept{moved};
}

}  // namespace

Result<Kept> attribute_for_guest(std::string_view name, std::string_view value, uid_t base) {
  if (name == "security.capability") return capabilities_of_root(value, base);
  if (name == "system.posix_acl_access" || name == "system.posix_acl_default") return moved_access_list(value, base);
  if (name.starts_with("user.") && !name.starts_with("user.overlay.")) return Kept{value};
  return Kept{};
}

}  // namespace ubc::isolate
