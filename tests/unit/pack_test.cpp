// SPDX-License-Identifier: Apache-2.0
// A guest's tree packed and unpacked again: ids count from 0, what is a machine's own stays behind. As somebody else than root these tests
// fail and say so.
#include <gmock/gmock.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "isolate/run_program.h"
#include "tests/support/template_archive.h"

namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using ubc::isolate::run_program;
using ubc::test::access_list;
using std::string_literals::operator""s;

constexpr std::uint32_t kBase = 0x10010000;

class Packed : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0U) << "a guest's files belong to others: run this test as root";
    std::string path = "/tmp/ubc-pack-test.XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    base_ = path;
    fs::create_directories(tree());
    fs::create_directories(base_ / "back");
  }
  void TearDown() override { fs::remove_all(base_); }

  fs::path tree() const { return base_ / "tree"; }
  fs::path back() const { return base_ / "back"; }
  void write(const std::string& path, std::string_view text = "text") const {
    fs::create_directories((tree() / path).parent_path());
    std::ofstream{tree() / path} << text;
  }
  void set(const std::string& path, const char* attribute, const std::string& value) const {
    EXPECT_EQ(::setxattr((tree() / path).c_str(), attribute, value.data(), value.size(), 0), 0)
        << attribute << ": " << std::strerror(errno);
  }
  std::string get(const std::string& path, const char* attribute) const {
    std::string value(256, '\0');
    const ssize_t length = ::getxattr((back() / path).c_str(), attribute, value.data(), value.size());
    value.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    return value;
  }
  ubc::Result<std::string> pack() const { return run_program({UBC_PACK, "template", base_ / "t.tar.gz", tree(), std::to_string(kBase)}); }
  void round_trip() const {
    const auto packed = pack();
    ASSERT_TRUE(packed) << packed.error().message;
    const auto unpacked = run_program({UBC_UNPACK, base_ / "t.tar.gz", back()});
    ASSERT_TRUE(unpacked) << unpacked.error().message;
  }
  std::vector<std::string> names_of(const std::string& directory) const {
    std::vector<std::string> names;
    for (const auto& item : fs::directory_iterator{back() / directory}) names.push_back(item.path().filename());
    std::ranges::sort(names);
    return names;
  }

  fs::path base_;
};

TEST_F(Packed, IdsOfTheGuestCountFromZeroAndThoseOfTheTemplateStay) {
  for (const char* name : {"guest", "template", "last", "listed"}) write(name);
  ASSERT_EQ(::chown((tree() / "guest").c_str(), kBase + 7, kBase), 0);
  ASSERT_EQ(::chown((tree() / "template").c_str(), 65535, 42), 0);
  ASSERT_EQ(::chown((tree() / "last").c_str(), kBase + 65535, 0), 0);
  set("listed", "system.posix_acl_access", access_list(kBase + 33));
  round_trip();
  const auto owner = [&](const char* name) {
    struct stat seen{};
    EXPECT_EQ(::lstat((back() / name).c_str(), &seen), 0);
    return fmt::format("{}:{}", seen.st_uid, seen.st_gid);
  };
  EXPECT_EQ(owner("guest"), "7:0");
  EXPECT_EQ(owner("template"), "65535:42");
  EXPECT_EQ(owner("last"), "65535:0");
  EXPECT_EQ(get("listed", "system.posix_acl_access"), access_list(33));
}

TEST_F(Packed, AnIdOfSomebodyElseIsRefused) {
  write("dir/file");
  for (const std::uint32_t id : {65536U, kBase - 1, kBase + 65536}) {
    ASSERT_EQ(::chown((tree() / "dir/file").c_str(), id, 0), 0);
    const auto packed = pack();
    ASSERT_FALSE(packed) << id;
    EXPECT_THAT(packed.error().message,
                HasSubstr(fmt::format("dir/file: it belongs to id {} of the host, which is none of this guest's", id)));
    fs::remove(base_ / "t.tar.gz");
  }
}

TEST_F(Packed, FileCapabilitiesOfTheGuestsRootAreThoseOfAnyGuestsRoot) {
  write("ping");
  vfs_ns_cap_data of_guest{};
  of_guest.magic_etc = VFS_CAP_REVISION_3 | VFS_CAP_FLAGS_EFFECTIVE;
  of_guest.data[0].permitted = 1U << 13;
  of_guest.rootid = kBase;
  set("ping", "security.capability", std::string{reinterpret_cast<const char*>(&of_guest), sizeof of_guest});
  round_trip();
  EXPECT_EQ(get("ping", "security.capability"), "\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0"s);
}

TEST_F(Packed, WhatIsAMachinesOwnStaysBehind) {
  for (const char* name : {"proc/1", "sys/a", "dev/null", "run/pid", "etc/ssh/ssh_host_rsa_key", "etc/ssh/ssh_host_rsa_key.pub",
                           "etc/ssh/sshd_config", "etc/ssh/ssh_host_notes", "srv/proc/1", "srv/file"})
    write(name);
  ASSERT_EQ(::mkfifo((tree() / "srv/pipe").c_str(), 0600), 0);
  ASSERT_EQ(::mknod((tree() / "srv/socket").c_str(), S_IFSOCK | 0600, 0), 0);
  round_trip();
  EXPECT_THAT(names_of("."), ElementsAre("dev", "etc", "proc", "run", "srv", "sys"));
  for (const char* empty : {"proc", "sys", "dev", "run"}) EXPECT_THAT(names_of(empty), ElementsAre()) << empty;
  EXPECT_THAT(names_of("etc/ssh"), ElementsAre("ssh_host_notes", "sshd_config"));
  EXPECT_THAT(names_of("srv"), ElementsAre("file", "proc"));
  EXPECT_THAT(names_of("srv/proc"), ElementsAre("1"));
}

TEST_F(Packed, LinksHolesAndNamesArriveAsTheyWere) {
  write("one", "shared");
  fs::create_hard_link(tree() / "one", tree() / "two");
  fs::create_symlink("/etc/shadow", tree() / "link");
  fs::create_hard_link(tree() / "link", tree() / "same link");
  write("caf\xe9\n", "latin");
  write("hole", "start");
  ASSERT_EQ(::truncate((tree() / "hole").c_str(), 8 << 20), 0);
  round_trip();
  EXPECT_THAT(names_of("."), ElementsAre("caf\xe9\n", "hole", "link", "one", "same link", "two"));
  EXPECT_EQ(fs::hard_link_count(back() / "one"), 2U);
  EXPECT_EQ(fs::read_symlink(back() / "same link"), "/etc/shadow");
  EXPECT_EQ(fs::file_size(back() / "hole"), 8U << 20);
  struct stat seen{};
  ASSERT_EQ(::stat((back() / "hole").c_str(), &seen), 0);
  EXPECT_LT(seen.st_blocks, 1000);
}

}  // namespace
