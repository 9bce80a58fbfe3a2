// SPDX-License-Identifier: Apache-2.0
// Needs root: owners are changed.
#include "isolate/foreign_tree.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "isolate/guest_attributes.h"

namespace ubc::isolate {
namespace {

namespace fs = std::filesystem;
constexpr uid_t kBase = 0x10010000;

class ForeignTreeCopy : public testing::Test {
 protected:
  ForeignTreeCopy() {
    std::string name = testing::TempDir() + "/foreign_tree.XXXXXX";
    root_ = ::mkdtemp(name.data());
    for (const char* below : {"/from/etc", "/to", "/links"}) fs::create_directories(root_ + below);
    put("/from/etc/motd", "hello");
  }
  ~ForeignTreeCopy() override { fs::remove_all(root_); }
  void put(const std::string& path, const std::string& text) { std::ofstream{root_ + path} << text; }
  [[nodiscard]] std::string text(const std::string& path) const {
    std::ostringstream all;
    all << std::ifstream{root_ + path}.rdbuf();
    return all.str();
  }
  [[nodiscard]] struct stat seen(const std::string& path) const {
    struct stat found{};
    EXPECT_EQ(::lstat((root_ + path).c_str(), &found), 0) << path;
    return found;
  }
  Result<ForeignTree> copy() {
    const os::DirFd from = std::move(os::DirFd::open(root_ + "/from").value()), to = std::move(os::DirFd::open(root_ + "/to").value()),
                    links = std::move(os::DirFd::open(root_ + "/links").value());
    return copy_foreign_tree(from, to, links, kBase);
  }

  std::string root_;
};

TEST_F(ForeignTreeCopy, OwnersAreMovedAndModesTimesLinksHolesAndPipesComeAlong) {
  const std::string from = root_ + "/from/";
  ASSERT_EQ(::chown((from + "etc/motd").c_str(), 7, 65535), 0);
  ASSERT_EQ(::chmod((from + "etc/motd").c_str(), 06751), 0);
  const timespec times[2] = {{100, 1}, {200, 2}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (from + "etc/motd").c_str(), times, 0), 0);
  fs::create_hard_link(from + "etc/motd", from + "same");
  fs::create_symlink("/etc/motd", from + "link");
  ASSERT_EQ(::lchown((from + "link").c_str(), 3, 4), 0);
  ASSERT_EQ(::mkfifo((from + "pipe").c_str(), 0600), 0);
  ASSERT_EQ(::chmod((from + "pipe").c_str(), 0620), 0);
  put("/from/holes", "");
  fs::resize_file(from + "holes", 50'000'000);
  ASSERT_EQ(::chmod((from + "etc").c_str(), 01770), 0);
  const auto copied = copy();
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(copied->members, 6U);
  EXPECT_EQ(copied->bytes, 5U) << "a hole is nothing";
  EXPECT_EQ(text("/to/etc/motd"), "hello");
  const struct stat motd = seen("/to/etc/motd"), link = seen("/to/link"), pipe = seen("/to/pipe");
  EXPECT_EQ(motd.st_uid, kBase + 7);
  EXPECT_EQ(motd.st_gid, kBase + 65535);
  EXPECT_EQ(motd.st_mode, S_IFREG | 06751U);
  EXPECT_EQ(motd.st_mtim.tv_sec, 200);
  EXPECT_EQ(motd.st_mtim.tv_nsec, 2);
  EXPECT_EQ(seen("/to/same").st_ino, motd.st_ino);
  EXPECT_EQ(motd.st_nlink, 2U) << "the one that waits is gone";
  EXPECT_EQ(fs::read_symlink(root_ + "/to/link"), "/etc/motd");
  EXPECT_EQ(link.st_uid, kBase + 3);
  EXPECT_EQ(link.st_gid, kBase + 4);
  EXPECT_EQ(pipe.st_mode, S_IFIFO | 0620U);
  EXPECT_EQ(pipe.st_uid, kBase);
  EXPECT_EQ(seen("/to/holes").st_size, 50'000'000);
  EXPECT_EQ(seen("/to/holes").st_blocks, 0);
  EXPECT_EQ(seen("/to/etc").st_mode, S_IFDIR | 01770U);
  EXPECT_EQ(seen("/to").st_uid, kBase);
  EXPECT_TRUE(fs::is_empty(root_ + "/links"));
}

/// Weakness: a device node of a tree from outside, which opens the host's disk (CWE-732).
TEST_F(ForeignTreeCopy, DevicesStayBehindAndWhatAStartFillsComesEmpty) {
  ASSERT_EQ(::mknod((root_ + "/from/etc/sda").c_str(), S_IFBLK | 0666, makedev(8, 0)), 0);
  for (const char* name : {"proc", "dev", "run", "sys"}) {
    fs::create_directories(root_ + "/from/" + name);
    put(std::string{"/from/"} + name + "/old", "x");
  }
  fs::create_directories(root_ + "/from/srv/dev");
  put("/from/srv/dev/kept", "x");
  const auto copied = copy();
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(copied->devices_left_out, 1U);
  EXPECT_FALSE(fs::exists(root_ + "/to/etc/sda"));
  for (const char* name : {"proc", "dev", "run", "sys"}) EXPECT_TRUE(fs::is_empty(root_ + "/to/" + name)) << name;
  EXPECT_EQ(text("/to/srv/dev/kept"), "x") << "only the ones at the top";
}

/// Weakness: a link that leads a program of the host's out of the tree (CWE-59).
TEST_F(ForeignTreeCopy, NoLinkIsFollowedAndAHardLinkOfTheOutsideIsAFileOfItsOwn) {
  put("/secret", "secret");
  ASSERT_EQ(::chmod((root_ + "/secret").c_str(), 0600), 0);
  fs::create_symlink(root_, root_ + "/from/out");
  fs::create_hard_link(root_ + "/secret", root_ + "/from/own");
  const auto copied = copy();
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_TRUE(fs::is_symlink(root_ + "/to/out"));
  EXPECT_NE(seen("/to/own").st_ino, seen("/secret").st_ino);
  EXPECT_EQ(seen("/secret").st_uid, 0U) << "the outside stays the outside's";
  EXPECT_EQ(seen("/secret").st_nlink, 2U);
}

TEST_F(ForeignTreeCopy, AnOwnerThatNoGuestHasIsRefusedByName) {
  ASSERT_EQ(::chown((root_ + "/from/etc/motd").c_str(), 65535, 65536), 0);
  const auto copied = copy();
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().message, "copy " + root_ +
                                        "/from: /etc/motd belongs to 65535:65536, and guests have the ids 0 to 65535: give it "
                                        "to one of these first");
}

TEST_F(ForeignTreeCopy, ATreeThatHoldsItsOwnCopyIsRefused) {
  fs::create_directories(root_ + "/from/inside");
  const os::DirFd from = std::move(os::DirFd::open(root_ + "/from").value()),
                  to = std::move(os::DirFd::open(root_ + "/from/inside").value()),
                  links = std::move(os::DirFd::open(root_ + "/links").value());
  const auto copied = copy_foreign_tree(from, to, links, kBase);
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().message, "copy " + root_ + "/from: /inside is where the copy would go: it can't be a part of what is copied");
}

TEST_F(ForeignTreeCopy, ATreeDeeperThan256DirectoriesIsRefused) {
  fs::path deep = root_ + "/from";
  for (int i = 0; i < 256; ++i) deep /= "d";
  fs::create_directories(deep);
  ASSERT_TRUE(copy());
  fs::remove_all(root_ + "/to/d");
  fs::remove_all(root_ + "/to/etc");
  fs::create_directories(deep / "d");
  const auto copied = copy();
  ASSERT_FALSE(copied);
  EXPECT_THAT(copied.error().message, testing::EndsWith("... is more than 256 directories deep"));
}

TEST(GuestAttribute, TheCapabilitiesOfAFileNameTheGuestsRoot) {
  vfs_ns_cap_data before{};
  before.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE;
  before.data[0].permitted = 1U << CAP_NET_RAW;
  const std::string_view theirs{reinterpret_cast<const char*>(&before), XATTR_CAPS_SZ_2};
  const auto ours = attribute_for_guest("security.capability", theirs, kBase).value();
  ASSERT_TRUE(ours);
  vfs_ns_cap_data after{};
  ASSERT_EQ(ours->size(), XATTR_CAPS_SZ_3);
  std::memcpy(&after, ours->data(), sizeof after);
  EXPECT_EQ(after.magic_etc, VFS_CAP_REVISION_3 | VFS_CAP_FLAGS_EFFECTIVE);
  EXPECT_EQ(after.data[0].permitted, 1U << CAP_NET_RAW);
  EXPECT_EQ(after.rootid, kBase);
  EXPECT_FALSE(attribute_for_guest("security.capability", *ours, kBase).value()) << "some other root's";
}

TEST(GuestAttribute, AnAccessListsUsersAreMovedAndNobodyElse) {
  const auto entry = [](std::uint16_t tag, std::uint32_t id) {
    std::string bytes(8, '\0');
    const std::uint16_t permissions = 6;
    std::memcpy(bytes.data(), &tag, 2);
    std::memcpy(bytes.data() + 2, &permissions, 2);
    std::memcpy(bytes.data() + 4, &id, 4);
    return bytes;
  };
  const std::string version{"\2\0\0\0", 4};
  const std::string list = version + entry(0x01, ~0U) + entry(0x02, 65535) + entry(0x08, 1) + entry(0x10, ~0U);
  EXPECT_EQ(attribute_for_guest("system.posix_acl_access", list, kBase).value(),
            version + entry(0x01, ~0U) + entry(0x02, kBase + 65535) + entry(0x08, kBase + 1) + entry(0x10, ~0U));
  const auto refused = attribute_for_guest("system.posix_acl_default", version + entry(0x02, 65536), kBase);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "it has an access list for id 65536, and guests have the ids 0 to 65535");
}

TEST(GuestAttribute, WhatOverlayfsWouldObeyStaysBehind) {
  EXPECT_EQ(attribute_for_guest("user.mine", "1", kBase).value(), "1");
  for (const char* name : {"user.overlay.whiteout", "trusted.overlay.redirect", "trusted.x", "security.selinux"})
    EXPECT_FALSE(attribute_for_guest(name, "1", kBase).value()) << name;
}

}  // namespace
}  // namespace ubc::isolate
