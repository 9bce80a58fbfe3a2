// SPDX-License-Identifier: Apache-2.0
// Templates: hostile archives are refused or contained, good ones arrive whole, an import happens at once or not at all.
// Unpacking is root's work: as somebody else these tests fail and say so.
#include "isolate/template_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <clocale>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "isolate/run_program.h"
#include "isolate/template_build.h"
#include "os/text_file.h"
#include "tests/support/template_archive.h"

namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using ubc::Code;
using ubc::isolate::run_program;
using ubc::isolate::TemplateStore;
using ubc::test::access_list;
using ubc::test::directory;
using ubc::test::good_members;
using ubc::test::hardlink_to;
using ubc::test::Member;
using ubc::test::symlink_to;

struct Unpacked {
  bool accepted;
  std::string said;   // the sentence, or the report
};

class Templates : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr) << "the archives made here have names beyond ASCII";
    ASSERT_EQ(::geteuid(), 0U) << "unpacking needs chroot(2) and foreign owners: run this test as root";
    std::string path = "/tmp/ubc-template-test.XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    base_ = path;
    fs::create_directories(base_ / "canary/sub");
    write(base_ / "canary/file", "untouched");
    write(base_ / "canary/sub/file", "untouched too");
    canary_before_ = canary();
  }
  void TearDown() override {
    if (base_.empty()) return;
    EXPECT_EQ(canary(), canary_before_) << "something outside of the destination changed";
    fs::remove_all(base_);
  }

  static void write(const fs::path& path, std::string_view text) { std::ofstream{path} << text; }

  /// Every name, inode, mode, owner, link count and content beside the destination.
  std::string canary() const {
    std::string seen;
    for (const auto& item : fs::recursive_directory_iterator{base_ / "canary"}) {
      struct stat look{};
      EXPECT_EQ(::lstat(item.path().c_str(), &look), 0);
      seen += fmt::format("{} {} {:o} {} {} {} {}\n", item.path().string(), look.st_ino, look.st_mode, look.st_uid, look.st_nlink,
                          look.st_size, item.is_regular_file() ? ubc::os::read_text(item.path().string()).value_or("?") : "");
    }
    struct stat shadow{};
    EXPECT_EQ(::stat("/etc/shadow", &shadow), 0);
    return seen + fmt::format("{} {} {}", shadow.st_ino, shadow.st_nlink, shadow.st_mtime);
  }

  std::string make_archive(const std::vector<Member>& members, const std::string& end = ".tar.gz") const {
    std::string path = (base_ / "archive").string() + end;
    ubc::test::write_archive(path, members);
    return path;
  }

  Unpacked unpack_file(const std::string& archive, const std::vector<std::string>& options = {}) const {
    fs::remove_all(root());
    fs::create_directory(root());
    std::vector<std::string> command{UBC_UNPACK};
    command.insert(command.end(), options.begin(), options.end());
    command.insert(command.end(), {archive, root().string()});
    const auto done = run_program(command);
    return done ? Unpacked{true, *done} : Unpacked{false, done.error().message};
  }
  Unpacked unpack(const std::vector<Member>& members, const std::vector<std::string>& options = {}) const {
    return unpack_file(make_archive(members), options);
  }
  void expect_refused(const std::vector<Member>& members, const std::string& member, const std::string& reason) const {
    const Unpacked got = unpack(members);
    EXPECT_FALSE(got.accepted) << member << " was accepted";
    EXPECT_THAT(got.said, AllOf(HasSubstr("exit code 1"), HasSubstr(member), HasSubstr(reason)));
  }

  fs::path root() const { return base_ / "root"; }
  TemplateStore store(const std::string& unpacker = UBC_UNPACK) const { return {base_ / "store", {unpacker, UBC_PACK, "/nowhere"}}; }
  struct stat look_at(const std::string& path) const {
    struct stat seen{};
    EXPECT_EQ(::lstat((root() / path).c_str(), &seen), 0) << path;
    return seen;
  }

  fs::path base_;
  std::string canary_before_;
};

TEST_F(Templates, NamesThatLeaveTheDestinationAreRefused) {
  expect_refused({{.path = (base_ / "canary/file").string()}}, "canary/file", "is absolute");
  expect_refused({{.path = "../canary/file"}}, "../canary/file", "has a ..");
  expect_refused({directory("a"), {.path = "a/../../canary/file"}}, "a/../../canary/file", "has a ..");
  expect_refused({{.path = "./.."}}, "./..", "has a ..");
  expect_refused({symlink_to("x", "../canary/link")}, "../canary/link", "has a ..");
  expect_refused({{.path = "../a\nb\x1b[2J"}}, "../a?b?[2J", "has a ..");
  expect_refused({directory("../canary/sub/new")}, "../canary/sub/new", "has a ..");
}

TEST_F(Templates, NamesThatLeadThroughASymbolicLinkAreRefused) {
  expect_refused({symlink_to("../canary", "door"), {.path = "door/file"}}, "door/file", "through the symbolic link door");
  expect_refused({symlink_to("/", "door"), {.path = "door/tmp/x"}}, "door/tmp/x", "through the symbolic link door");
  expect_refused({directory("a"), symlink_to("..", "a/up"), symlink_to("a/up/canary", "door"), {.path = "a/up/canary/file"}},
                 "a/up/canary/file", "through the symbolic link a/up");
  expect_refused({symlink_to("../canary/file", "name"), {.path = "name", .text = "overwritten"}}, "name", "different kinds");
  expect_refused({symlink_to("../canary", "door"), directory("door")}, "door", "different kinds");
  expect_refused({directory("door"), symlink_to("../canary", "door"), {.path = "door/file"}}, "door", "different kinds");
}

TEST_F(Templates, HardLinksOutOfTheDestinationAreRefused) {
  expect_refused({hardlink_to("/etc/shadow", "shadow")}, "/etc/shadow", "is absolute");
  expect_refused({hardlink_to("../canary/file", "file")}, "../canary/file", "has a ..");
  expect_refused({symlink_to("../canary", "door"), hardlink_to("door/file", "file")}, "door/file", "through the symbolic link door");
  expect_refused({symlink_to("/etc/shadow", "door"), hardlink_to("door", "file")}, "door", "no regular file");
  expect_refused({hardlink_to("etc/shadow", "file")}, "etc/shadow", "no earlier member");
}

TEST_F(Templates, DeviceNodesAreLeftOutAndCounted) {
  const Unpacked got = unpack({directory("dev"),
                               {.path = "dev/sda", .type = S_IFBLK},
                               {.path = "dev/mem", .type = S_IFCHR},
                               {.path = "dev/pipe", .type = S_IFIFO},
                               {.path = "dev/file"}});
  EXPECT_TRUE(got.accepted) << got.said;
  EXPECT_THAT(got.said, HasSubstr("3 device nodes left out: guests get their own /dev"));
  EXPECT_FALSE(fs::exists(root() / "dev/sda") || fs::exists(root() / "dev/mem") || fs::exists(root() / "dev/pipe"));
  EXPECT_TRUE(fs::exists(root() / "dev/file"));
}

TEST_F(Templates, OwnersThatNoGuestHasAreRefused) {
  expect_refused({{.path = "a", .uid = 70000}}, "a belongs to 70000:0", "0 to 65535");
  expect_refused({{.path = "a", .gid = 65536}}, "a belongs to 0:65536", "0 to 65535");
  expect_refused({{.path = "a", .attribute = "system.posix_acl_access", .attribute_value = access_list(65536)}},
                 "a has an access list for id 65536", "0 to 65535");
  EXPECT_TRUE(unpack({{.path = "a", .uid = 65535, .gid = 65535}}).accepted);
}

TEST_F(Templates, BombsAreRefused) {
  const std::vector<Member> two{{.path = "small", .text = std::string(600, 'x')}, {.path = "big", .text = std::string(600, 'x')}};
  const Unpacked bytes = unpack(two, {"--max-bytes", "1199"});
  EXPECT_FALSE(bytes.accepted);
  EXPECT_THAT(bytes.said, AllOf(HasSubstr("with big"), HasSubstr("more than 1199 bytes")));
  EXPECT_TRUE(unpack(two, {"--max-bytes", "1200"}).accepted);
  EXPECT_THAT(unpack(two, {"--max-members", "1"}).said, HasSubstr("more than 1 members"));
  std::string deep = "d";
  for (int i = 0; i < 256; ++i) deep += "/d";
  EXPECT_THAT(unpack({{.path = deep}}).said, HasSubstr("directories deep"));
}

TEST_F(Templates, WhatIsNoWholeArchiveIsRefused) {
  std::vector<Member> members = good_members();
  std::string noise;   // does not compress
  for (unsigned i = 0, state = 1; i < 100'000; ++i) noise += static_cast<char>((state = state * 1664525U + 1013904223U) >> 24);
  members.push_back({.path = "noise", .text = noise});
  const std::string archive = make_archive(members);
  fs::resize_file(archive, fs::file_size(archive) / 2);
  EXPECT_THAT(unpack_file(archive).said, AllOf(HasSubstr("exit code 1"), HasSubstr("truncated")));
  write(archive, noise);
  EXPECT_THAT(unpack_file(archive).said, AllOf(HasSubstr("exit code 1"), HasSubstr("archive")));
  write(archive, "");
  EXPECT_FALSE(unpack_file(archive).accepted);
  EXPECT_THAT(unpack_file("/dev/zero").said, HasSubstr("not a regular file"));
}

TEST_F(Templates, ReadAlikeWhateverTheyAreCompressedWith) {
  for (const std::string end : {".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.zst"}) {
    const std::string archive = make_archive(good_members(), end);
    EXPECT_EQ(ubc::isolate::default_template_name(archive), "archive");
    const auto made = store().import_archive(archive, "of" + end);
    ASSERT_TRUE(made) << end << ": " << made.error().message;
    EXPECT_EQ(made->note, "5 members, 10 bytes") << end;
    EXPECT_EQ(ubc::os::read_text(made->rootfs + "/bin/sh").value_or("?"), "text\n") << end;
  }
}

TEST_F(Templates, AnImportTellsHowMuchOfTheArchiveIsRead) {
  std::vector<Member> members = good_members();
  members.push_back({.path = "large", .text = std::string(3'000'000, 'x')});
  const std::string archive = make_archive(members, ".tar");
  std::vector<std::uint64_t> seen;
  const auto made = store().import_archive(archive, "good", [&](std::uint64_t read, std::uint64_t size) {
    EXPECT_EQ(size, fs::file_size(archive));
    seen.push_back(read);
  });
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->note, "6 members, 3000010 bytes") << "what was read is no part of the note";
  ASSERT_GT(seen.size(), 20U);
  EXPECT_LE(seen.size(), 110U);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_LT(seen.front(), fs::file_size(archive) / 10);
  EXPECT_GT(seen.back(), fs::file_size(archive) * 9 / 10);
}

TEST_F(Templates, AttributesThatSteerOverlayfsAreDropped) {
  const Unpacked got = unpack({{.path = "a", .attribute = "trusted.overlay.redirect", .attribute_value = "/etc"},
                               {.path = "b", .attribute = "user.overlay.opaque"},
                               {.path = "c", .attribute = "user.mine"}});
  ASSERT_TRUE(got.accepted) << got.said;
  EXPECT_THAT(got.said, HasSubstr("2 extended attributes left out"));
  EXPECT_EQ(::llistxattr((root() / "a").c_str(), nullptr, 0), 0);
  EXPECT_EQ(::llistxattr((root() / "b").c_str(), nullptr, 0), 0);
  EXPECT_EQ(::lgetxattr((root() / "c").c_str(), "user.mine", nullptr, 0), 1);
}

TEST_F(Templates, AGoodArchiveArrivesWhole) {
  using std::string_literals::operator""s;
  const std::string net_raw =
      "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"s;   // vfs_cap_data, version 2
  const Unpacked got = unpack({directory("./"),
                               directory("./d"),
                               {.path = "./d/mine", .text = "hello", .mode = 0640, .uid = 1000, .gid = 1001, .mtime = 987654321},
                               {.path = "./d/su", .mode = 04755},
                               {.path = "./d/ping", .mode = 0755, .attribute = "security.capability", .attribute_value = net_raw},
                               symlink_to("/absolute/anywhere", "./link"),
                               hardlink_to("./d/mine", "./d/again"),
                               {.path = "./late", .type = S_IFDIR, .mode = 01777},
                               {.path = "./d/listed", .attribute = "system.posix_acl_access", .attribute_value = access_list(4)},
                               {.path = "./d/na\xc3\xafve"}});
  ASSERT_TRUE(got.accepted) << got.said;
  const struct stat mine = look_at("d/mine");
  EXPECT_EQ(mine.st_mode, mode_t{S_IFREG | 0640});
  EXPECT_EQ(mine.st_uid, 1000U);
  EXPECT_EQ(mine.st_gid, 1001U);
  EXPECT_EQ(mine.st_mtime, 987654321);
  EXPECT_EQ(mine.st_nlink, 2U);
  EXPECT_EQ(mine.st_ino, look_at("d/again").st_ino);
  EXPECT_EQ(look_at("d/su").st_mode, mode_t{S_IFREG | 04755});
  EXPECT_EQ(look_at("late").st_mode, mode_t{S_IFDIR | 01777});
  EXPECT_EQ(look_at("d").st_mtime, 1'000'000'000) << "a directory's time is set after its members";
  EXPECT_EQ(fs::read_symlink(root() / "link"), "/absolute/anywhere");
  EXPECT_EQ(::lgetxattr((root() / "d/ping").c_str(), "security.capability", nullptr, 0), 20);
  EXPECT_EQ(::lgetxattr((root() / "d/listed").c_str(), "system.posix_acl_access", nullptr, 0), 44);
  EXPECT_EQ(look_at("d/listed").st_mode, mode_t{S_IFREG | 0654}) << "the mask shows as the group's mode";
  EXPECT_TRUE(fs::exists(root() / "d/na\xc3\xafve"));
  EXPECT_EQ(ubc::os::read_text(root() / "d/mine").value_or("?"), "hello");
}

TEST_F(Templates, ADestinationThatIsNotEmptyIsRefused) {
  const auto got = run_program({UBC_UNPACK, make_archive(good_members()), base_ / "canary"});
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error().message, HasSubstr("not empty"));
}

TEST_F(Templates, AnImportIsListedFoundAndRemoved) {
  ASSERT_THAT(store().list().value(), IsEmpty());
  const auto made = store().import_archive(make_archive(good_members()), "good");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->source, "archive.tar.gz");
  EXPECT_EQ(made->sha256.value_or("").size(), 64U);
  EXPECT_THAT(made->note, HasSubstr("5 members"));
  EXPECT_EQ(fs::file_size(made->rootfs + "/etc/machine-id"), 0U);
  EXPECT_EQ(store().find("good").value().rootfs, made->rootfs);
  const auto again = store().import_archive(make_archive(good_members()), "good");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::exists);
  const auto other = store().find("other");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::not_found);
  EXPECT_THAT(other.error().message, HasSubstr("there are: good"));
  EXPECT_TRUE(store().remove("good"));
  EXPECT_THAT(store().list().value(), IsEmpty());
  EXPECT_EQ(store().remove("good").error().code, Code::not_found);
}

TEST_F(Templates, AFailedImportLeavesNothing) {
  const auto entries = [&] {   // in the store, and of trees
    const auto in = [](const fs::path& path) { return std::distance(fs::directory_iterator{path}, fs::directory_iterator{}); };
    return in(base_ / "store") - 1 + in(base_ / "store/.store");
  };
  const auto hostile = store().import_archive(make_archive({{.path = "a"}, {.path = "../x"}}), "bad");
  ASSERT_FALSE(hostile);
  EXPECT_THAT(hostile.error().message, AllOf(HasSubstr("as template bad"), HasSubstr("../x has a ..")));
  EXPECT_EQ(entries(), 1) << "only the lock";
  const auto no_shell =
      store().import_archive(make_archive({directory("bin"), symlink_to("/bin/sh", "bin/init"), {.path = "bin/sh"}}), "bad");
  ASSERT_FALSE(no_shell) << "bin/sh is not executable, and the host's is no substitute";
  EXPECT_EQ(no_shell.error().code, Code::corrupt);
  EXPECT_EQ(entries(), 1);
}

TEST_F(Templates, LinksInTheRootFileSystemResolveInsideIt) {
  const Member shell{.path = "usr/bin/sh", .mode = 0755};
  EXPECT_TRUE(
      store().import_archive(make_archive({directory("usr"), directory("usr/bin"), shell, symlink_to("/usr/bin", "bin")}), "merged"));
  const auto outside = store().import_archive(make_archive({directory("bin"), symlink_to("../../../../../../../bin/ls", "bin/sh")}), "out");
  EXPECT_FALSE(outside);
}

TEST_F(Templates, AKilledImportIsInvisibleAndSwept) {
  const std::string script = base_ / "slow-unpack", archive = make_archive(good_members());
  write(script, fmt::format("#!/bin/sh\n{} \"$@\" || exit 1\necho $$ > {}\nexec sleep 600\n", UBC_UNPACK, (base_ / "pid").string()));
  ASSERT_EQ(::chmod(script.c_str(), 0755), 0);
  const pid_t importer = ::fork();
  ASSERT_GE(importer, 0);
  if (importer == 0) ::_exit(store(script).import_archive(archive, "good") ? 0 : 1);
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (ubc::os::read_text(base_ / "pid").value_or("").empty() && std::chrono::steady_clock::now() < patience)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  EXPECT_THAT(store().list().value(), IsEmpty()) << "half an import must not show";
  const auto scratches = [&] {
    return std::ranges::count_if(fs::directory_iterator{base_ / "store/.store"},
                                 [](const auto& item) { return item.path().filename().string().starts_with(".new."); });
  };
  EXPECT_EQ(scratches(), 1) << "list() must not sweep what a live import works on";
  ASSERT_EQ(::kill(importer, SIGKILL), 0);
  ASSERT_EQ(::waitpid(importer, nullptr, 0), importer);
  EXPECT_THAT(store().list().value(), IsEmpty());
  EXPECT_EQ(scratches(), 0);
  const auto made = store().import_archive(archive, "good");
  EXPECT_TRUE(made) << made.error().message;
  const std::string stat = fmt::format("/proc/{}/stat", ubc::os::trimmed(ubc::os::read_text(base_ / "pid").value_or("0")));
  EXPECT_THAT(ubc::os::read_text(stat).value_or("gone Z"), HasSubstr(" Z")) << "the unpacker outlived its importer";
}

TEST_F(Templates, TheBusyboxTemplateIsBuiltAndImported) {
  const std::string archive = base_ / "busybox.tar.gz";
  const auto built = ubc::isolate::build_template("busybox", archive, base_);
  ASSERT_TRUE(built) << built.error().message;
  const auto made = store().import_archive(archive, ubc::isolate::default_template_name(archive));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->name, "busybox");
  EXPECT_EQ(fs::read_symlink(made->rootfs + "/sbin/init"), "../bin/busybox");
  EXPECT_EQ(fs::status(made->rootfs + "/tmp").permissions(), fs::perms::all | fs::perms::sticky_bit);
  EXPECT_THAT(ubc::isolate::build_template("busybox", archive, base_, "/bin/ls").error().message, HasSubstr("dynamically linked"));
  EXPECT_EQ(ubc::isolate::build_template("plan-9", archive, base_).error().code, Code::bad_value);
  for (const auto& item : fs::directory_iterator{base_})
    EXPECT_FALSE(item.is_directory() && item.path().filename().string().starts_with(".build")) << item;
}

TEST(TemplateNames, AreCheckedAndDerived) {
  for (const char* good : {"debian-12", "a", "A_b.c+d-1", "x..y"}) EXPECT_TRUE(ubc::isolate::check_template_name(good)) << good;
  for (const std::string& bad : {std::string{}, std::string{".x"}, std::string{".."}, std::string{"a/b"}, std::string{"a b"},
                                 std::string{"a\n"}, std::string{"\xc3\xa4"}, std::string(65, 'a')})
    EXPECT_FALSE(ubc::isolate::check_template_name(bad)) << bad;
  EXPECT_TRUE(ubc::isolate::check_template_name(std::string(64, 'a')));
  EXPECT_EQ(ubc::isolate::default_template_name("/x/debian-12.tar.gz"), "debian-12");
  EXPECT_EQ(ubc::isolate::default_template_name("alpine-3.20.tar.zst"), "alpine-3.20");
  EXPECT_EQ(ubc::isolate::default_template_name("plain"), "plain");
}

}   // namespace
