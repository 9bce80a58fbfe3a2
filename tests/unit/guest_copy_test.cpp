// SPDX-License-Identifier: Apache-2.0
#include "isolate/guest_copy.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace ubc::isolate {
namespace {

namespace fs = std::filesystem;

class GuestCopy : public testing::Test {
 protected:
  GuestCopy() {
    std::string name = testing::TempDir() + "/guest_copy.XXXXXX";
    root_ = ::mkdtemp(name.data());
    fs::create_directories(root_ + "/guest/etc");
    fs::create_directories(root_ + "/host/out");
    put("/host/secret", "secret");
    guest_ = std::move(os::DirFd::open(root_ + "/guest").value());
    host_ = std::move(os::DirFd::open("/").value());
  }
  ~GuestCopy() override { fs::remove_all(root_); }
  void put(const std::string& path, const std::string& text) { std::ofstream{root_ + path} << text; }
  [[nodiscard]] std::string text(const std::string& path) const {
    std::ostringstream all;
    all << std::ifstream{root_ + path}.rdbuf();
    return all.str();
  }
  Result<CopyReport> out(const std::string& path, const std::string& target) {
    return copy_tree({&guest_, true, path, 0}, {&host_, false, root_ + target, ::getuid()});
  }
  Result<CopyReport> in(const std::string& source, const std::string& path) {
    return copy_tree({&host_, false, root_ + source, 0}, {&guest_, true, path, ::getuid()});
  }

  std::string root_;
  os::DirFd guest_, host_;
};

TEST_F(GuestCopy, ADirectoryComesWithItsFilesLinksAndModesAndAnExistingTargetTakesItByItsName) {
  put("/guest/etc/motd", "hello");
  fs::create_symlink("motd", root_ + "/guest/etc/link");
  ASSERT_EQ(::chmod((root_ + "/guest/etc/motd").c_str(), 04751), 0);
  ASSERT_EQ(::mkfifo((root_ + "/guest/etc/fifo").c_str(), 0600), 0);
  const auto copied = out("/etc", "/host/out");
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(copied->files, 1U);
  EXPECT_EQ(copied->directories, 1U);
  EXPECT_EQ(copied->links, 1U);
  EXPECT_EQ(copied->left_out, std::vector<std::string>{"/etc/fifo"});
  EXPECT_EQ(text("/host/out/etc/motd"), "hello");
  EXPECT_EQ(fs::read_symlink(root_ + "/host/out/etc/link"), "motd");
  struct stat seen{};
  ASSERT_EQ(::stat((root_ + "/host/out/etc/motd").c_str(), &seen), 0);
  EXPECT_EQ(seen.st_mode & 07777, 0751U) << "setuid stays behind";
  ASSERT_TRUE(out("/etc/motd", "/host/out/renamed"));
  EXPECT_EQ(text("/host/out/renamed"), "hello");
}

/// Weakness: a link of the guest's that leads a command of the host's out of the guest (CWE-59).
TEST_F(GuestCopy, NoLinkOfTheGuestLeadsOutOfIt) {
  fs::create_symlink(root_ + "/host", root_ + "/guest/away");
  fs::create_symlink("../../../../../../.." + root_ + "/host", root_ + "/guest/up");
  EXPECT_FALSE(out("/away/secret", "/host/out"));
  EXPECT_FALSE(out("/up/secret", "/host/out"));
  EXPECT_FALSE(in("/host/secret", "/away/planted"));
  EXPECT_FALSE(fs::exists(root_ + "/host/planted"));
  fs::create_symlink(root_ + "/host/secret", root_ + "/guest/etc/file");
  put("/host/new", "new");
  ASSERT_TRUE(in("/host/new", "/etc/file")) << "the link itself is replaced";
  EXPECT_EQ(text("/host/secret"), "secret");
  EXPECT_EQ(text("/guest/etc/file"), "new");
}

TEST_F(GuestCopy, HolesStayHolesAndTheDataIsWhereItWas) {
  const std::string source = root_ + "/guest/holes", target = root_ + "/host/holes";
  put("/guest/holes", "begin");
  ASSERT_EQ(::truncate(source.c_str(), 8 << 20), 0);
  {
    std::fstream file{source, std::ios::in | std::ios::out};
    file.seekp(4 << 20);
    file << "middle";
  }
  ASSERT_TRUE(out("/holes", "/host/holes"));
  struct stat seen{};
  ASSERT_EQ(::stat(target.c_str(), &seen), 0);
  EXPECT_EQ(seen.st_size, 8 << 20);
  EXPECT_LT(seen.st_blocks * 512, 1 << 20);
  EXPECT_EQ(text("/host/holes"), text("/guest/holes"));
  put("/guest/empty", "");
  ASSERT_TRUE(out("/empty", "/host/empty"));
  EXPECT_EQ(fs::file_size(root_ + "/host/empty"), 0U);
  put("/guest/hole", "");
  ASSERT_EQ(::truncate((root_ + "/guest/hole").c_str(), 5 << 20), 0);
  ASSERT_TRUE(out("/hole", "/host/hole"));
  EXPECT_EQ(text("/host/hole"), std::string(5 << 20, '\0'));
}

TEST_F(GuestCopy, WhatDoesNotFitIsSaidAndNoDraftIsLeft) {
  fs::create_directories(root_ + "/guest/etc/secret");
  const auto over = in("/host/secret", "/etc");
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Code::exists);
  EXPECT_FALSE(fs::exists(root_ + "/guest/etc/secret.ubc-copy"));
  put("/guest/file", "x");
  EXPECT_FALSE(in("/host", "/file"));
  EXPECT_FALSE(out("/none", "/host/out"));
  EXPECT_FALSE(out("/", "/host/out"));
  EXPECT_FALSE(in("/host/secret", "/none/"));
}

}  // namespace
}  // namespace ubc::isolate
