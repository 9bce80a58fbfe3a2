// SPDX-License-Identifier: Apache-2.0
#include "tests/support/template_archive.h"

#include <archive.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace ubc::test {
namespace {

void add_member(archive* out, const Member& member) {
  archive_entry* entry = archive_entry_new();
  archive_entry_set_pathname(entry, member.path.c_str());
  const bool has_data = member.type == S_IFREG && member.hardlink.empty();
  if (member.hardlink.empty()) archive_entry_set_filetype(entry, member.type);
  if (!member.hardlink.empty()) archive_entry_set_hardlink(entry, member.hardlink.c_str());
  if (member.type == S_IFLNK) archive_entry_set_symlink(entry, member.link.c_str());
  if (member.type == S_IFCHR || member.type == S_IFBLK) archive_entry_set_rdev(entry, 0x0101);
  archive_entry_set_perm(entry, member.mode);
  archive_entry_set_uid(entry, member.uid);
  archive_entry_set_gid(entry, member.gid);
  archive_entry_set_mtime(entry, member.mtime, 0);
  archive_entry_set_size(entry, has_data ? static_cast<la_int64_t>(member.text.size()) : 0);
  if (!member.attribute.empty())
    archive_entry_xattr_add_entry(entry, member.attribute.c_str(), member.attribute_value.data(), member.attribute_value.size());
  EXPECT_EQ(archive_write_header(out, entry), ARCHIVE_OK) << member.path << ": " << archive_error_string(out);
  const auto put = has_data ? archive_write_data(out, member.text.data(), member.text.size()) : la_ssize_t{0};
  EXPECT_EQ(put, has_data ? static_cast<la_ssize_t>(member.text.size()) : 0);
  archive_entry_free(entry);
}

int add_filter(archive* out, const std::string& path) {
  if (path.ends_with("gz")) return archive_write_add_filter_gzip(out);
  if (path.ends_with("xz")) return archive_write_add_filter_xz(out);
  return path.ends_with("zst") ? archive_write_add_filter_zstd(out) : archive_write_add_filter_none(out);
}

}  // namespace

std::string access_list(std::uint32_t gid) {
  struct Item {
    std::uint16_t tag, permissions;
    std::uint32_t id;
  };
  const std::uint32_t version = 2;
  const std::array<Item, 5> items{{{1, 6, UINT32_MAX}, {4, 4, UINT32_MAX}, {8, 5, gid}, {16, 5, UINT32_MAX}, {32, 4, UINT32_MAX}}};
  std::string bytes(sizeof version + sizeof items, '\0');
  std::memcpy(bytes.data(), &version, sizeof version);
  std::memcpy(bytes.data() + sizeof version, items.data(), sizeof items);
  return bytes;
}

std::vector<Member> good_members() {
  return {directory("./"), directory("./bin"), {.path = "./bin/sh", .mode = 0755}, directory("./etc"), {.path = "./etc/machine-id"}};
}

void write_archive(const std::string& path, const std::vector<Member>& members) {
  archive* out = archive_write_new();
  EXPECT_EQ(archive_write_set_format_pax_restricted(out), ARCHIVE_OK);
  EXPECT_EQ(add_filter(out, path), ARCHIVE_OK);
  EXPECT_EQ(archive_write_open_filename(out, path.c_str()), ARCHIVE_OK);
  for (const Member& member : members) add_member(out, member);
  EXPECT_EQ(archive_write_free(out), ARCHIVE_OK);
}

}  // namespace ubc::test
