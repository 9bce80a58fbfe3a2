// SPDX-License-Identifier: Apache-2.0
// Names and trees of the template store: one archive is unpacked once, what is unpacked can be told from what was, and an earlier version's
// templates go on. Unpacking is root's work: as somebody else these tests fail and say so.
#include "isolate/template_store.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "isolate/run_program.h"
#include "os/directory.h"
#include "os/text_file.h"
#include "tests/support/template_archive.h"

namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using ubc::Code;
using ubc::isolate::compare_manifests;
using ubc::isolate::TemplateStore;
using ubc::isolate::TreeDifferences;
using ubc::test::directory;
using ubc::test::good_members;
using ubc::test::hardlink_to;
using ubc::test::Member;
using ubc::test::symlink_to;

class Store : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0U) << "unpacking needs chroot(2) and foreign owners: run this test as root";
    std::string path = "/tmp/ubc-template-store-test.XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    base_ = path;
  }
  void TearDown() override { fs::remove_all(base_); }

  TemplateStore store(const std::string& unpacker = UBC_UNPACK) const { return {base_ + "/store", {unpacker, UBC_PACK, "/nowhere"}}; }
  std::string make_archive(const std::vector<Member>& members, const std::string& name = "archive.tar") const {
    ubc::test::write_archive(base_ + "/" + name, members);
    return base_ + "/" + name;
  }
  /// The rootfs of what was imported.
  std::string import(const std::string& archive, const std::string& name) const {
    const auto made = store().import_archive(archive, name);
    EXPECT_TRUE(made) << made.error().message;
    return made ? made->rootfs : "";
  }
  std::vector<std::string> trees() const { return ubc::os::names_in(base_ + "/store/.store").value(); }
  static void write(const std::string& path, std::string_view text) { std::ofstream{path} << text; }

  std::string base_;
};

TEST_F(Store, TheEmptyTemplateIsMadeOnceAndVerifiedAsAnyOther) {
  const auto first = store().make_empty();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->name, "empty");
  EXPECT_TRUE(fs::is_empty(first->rootfs));
  EXPECT_EQ(store().make_empty()->rootfs, first->rootfs);
  (void)import(make_archive(good_members()), "other");  // which sweeps
  EXPECT_TRUE(store().verify("empty")->none());
  write(first->rootfs + "/file", "x");
  EXPECT_THAT(store().verify("empty")->added, ElementsAre("./file"));
  const auto refused = store().make_empty();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "template empty has files in it, and containers that need no template are to have it: remove it");
  ASSERT_TRUE(store().remove("empty"));
  EXPECT_FALSE(store().find("empty"));
}

TEST_F(Store, AnArchiveOfTwoNamesIsUnpackedOnceAndGoesWithTheLast) {
  const std::string archive = make_archive(good_members());
  const std::string first = import(archive, "first");
  fs::copy_file(archive, base_ + "/again.tar");
  const auto second = store("/bin/false").import_archive(base_ + "/again.tar", "second");
  ASSERT_TRUE(second) << "it was unpacked again: " << second.error().message;
  EXPECT_EQ(second->rootfs, first);
  EXPECT_EQ(second->source, "again.tar");
  EXPECT_EQ(store().find("first")->source, "archive.tar");
  EXPECT_EQ(second->sha256, store().find("first")->sha256);
  const std::string other = import(make_archive({directory("bin"), {.path = "bin/sh", .text = "other", .mode = 0755}}, "o.tar"), "other");
  EXPECT_NE(other, first);
  EXPECT_EQ(trees().size(), 2U);
  ASSERT_TRUE(store().remove("first"));
  EXPECT_TRUE(fs::exists(first + "/bin/sh")) << "second still has it";
  ASSERT_TRUE(store().remove("second"));
  EXPECT_FALSE(fs::exists(first));
  EXPECT_EQ(trees().size(), 1U);
}

TEST_F(Store, KnowsWhatATreeTakesOnDisk) {
  std::vector<Member> members = good_members();
  members.push_back({.path = "large", .text = std::string(1 << 20, 'x')});
  members.push_back(hardlink_to("large", "again"));
  const auto made = store().import_archive(make_archive(members), "good");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_GE(made->size.value_or(0), 1U << 20);
  EXPECT_LT(made->size.value_or(0), 2U << 20) << "a hard link takes nothing";
}

TEST_F(Store, ATreeAsItWasUnpackedIsVerified) {
  std::vector<Member> members = good_members();
  members.push_back({.path = "a b\n", .mode = 04711, .uid = 7, .gid = 8});
  members.push_back(symlink_to("/nowhere", "link"));
  members.push_back({.path = "b", .text = std::string(100'000, 'x')});
  (void)import(make_archive(members), "good");
  const auto found = store().verify("good");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_TRUE(found->none());
  EXPECT_EQ(store().verify("other").error().code, Code::not_found);
}

TEST_F(Store, VerifyTellsWhatWasChangedWhatIsMissingAndWhatWasAdded) {
  std::vector<Member> members = good_members();
  for (const char* name : {"mode", "owner", "text", "gone", "kind"}) members.push_back({.path = name});
  members.push_back(symlink_to("/here", "link"));
  const std::string root = import(make_archive(members), "good") + "/";
  ASSERT_EQ(::chmod((root + "mode").c_str(), 0645), 0);
  ASSERT_EQ(::chown((root + "owner").c_str(), 0, 1), 0);
  write(root + "text", "tExt\n");  // of the same length
  ASSERT_EQ(::unlink((root + "gone").c_str()), 0);
  ASSERT_TRUE(fs::remove(root + "kind") && ::mkfifo((root + "kind").c_str(), 0644) == 0) << "which nobody feeds: opening it would block";
  ASSERT_TRUE(fs::remove(root + "link") && ::symlink("/there", (root + "link").c_str()) == 0);
  ASSERT_EQ(::symlink("/etc/shadow", (root + "bin/new").c_str()), 0);
  const auto found = store().verify("good");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(found->changed, ElementsAre("./kind", "./link", "./mode", "./owner", "./text"));
  EXPECT_THAT(found->missing, ElementsAre("./gone"));
  EXPECT_THAT(found->added, ElementsAre("./bin/new"));
}

TEST_F(Store, AManifestThatWasChangedToFitIsToldFromTheOneThatWasWritten) {
  const std::string root = import(make_archive(good_members()), "good");
  write(root + "/../manifest", "#mtree\n");
  const auto found = store().verify("good");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::corrupt);
  EXPECT_THAT(found.error().message, HasSubstr("manifest is not what it was"));
}

TEST_F(Store, AnArchiveThatChangesWhileItIsReadIsRefused) {
  const std::string archive = make_archive(good_members()), script = base_ + "/unpack";
  write(script, fmt::format("#!/bin/sh\nprintf x >> {}\nexec {} \"$@\"\n", archive, UBC_UNPACK));
  ASSERT_EQ(::chmod(script.c_str(), 0755), 0);
  const auto made = store(script).import_archive(archive, "good");
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("changed while it was read"));
  EXPECT_THAT(trees(), IsEmpty());
  EXPECT_THAT(store().list().value(), IsEmpty());
}

/// As versions before the store laid it out.
class Earlier : public Store {
 protected:
  std::string make(const std::string& name, const std::string& digest) const {
    const std::string home = base_ + "/store/" + name;
    fs::create_directories(home + "/rootfs/bin");
    write(home + "/rootfs/bin/sh", "old");
    write(home + "/info",
          fmt::format("SOURCE=\"{}.tar.gz\"\nSHA256=\"{}\"\nTIME=\"2025-01-31T12:00:00Z\"\nNOTE=\"9 members\"\n", name, digest));
    write(base_ + "/store/.lock", "");
    return home;
  }
};

TEST_F(Earlier, TemplatesMoveIntoTheStoreAndKeepTheirPath) {
  const std::string home = make("old", std::string(64, 'a'));
  struct stat before{}, after{};
  ASSERT_EQ(::stat((home + "/rootfs").c_str(), &before), 0);
  const auto listed = store().list();
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().rootfs, base_ + "/store/.store/earlier-" + std::string(64, 'a') + "/rootfs");
  EXPECT_EQ(listed->front().source, "old.tar.gz");
  EXPECT_EQ(listed->front().note, "9 members");
  EXPECT_EQ(listed->front().size, std::nullopt);
  EXPECT_EQ(ubc::os::read_text(home + "/rootfs/bin/sh").value_or("?"), "old") << "the path that guests were started with";
  ASSERT_EQ(::stat((home + "/rootfs").c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino) << "it is the same directory";
  EXPECT_THAT(store().verify("old").error().message, HasSubstr("no manifest was kept"));
  EXPECT_TRUE(store().remove("old"));
  EXPECT_THAT(trees(), IsEmpty());
}

TEST_F(Earlier, TwoTreesOfOneArchiveBothStayBecauseGuestsMayHaveEither) {
  const std::string one = make("one", std::string(64, 'a')), two = make("two", std::string(64, 'a'));
  ASSERT_EQ(store().list()->size(), 2U);
  EXPECT_EQ(trees().size(), 1U);
  EXPECT_EQ(store().find("two")->rootfs, two + "/rootfs");
  EXPECT_EQ(store().find("two")->note, "9 members");
  EXPECT_TRUE(store().remove("one"));
  EXPECT_EQ(ubc::os::read_text(two + "/rootfs/bin/sh").value_or("?"), "old");
}

TEST(Manifests, AreComparedMemberByMember) {
  EXPECT_TRUE(compare_manifests("#mtree\n. mode=1\n./a mode=2\n", "#mtree v2\n. mode=1\n./a mode=2\n").none());
  const TreeDifferences found = compare_manifests("#mtree\n./a mode=1\n./b mode=2\n./c mode=3\n", "./b mode=4\n./c mode=3\n./d mode=1");
  EXPECT_THAT(found.changed, ElementsAre("./b"));
  EXPECT_THAT(found.missing, ElementsAre("./a"));
  EXPECT_THAT(found.added, ElementsAre("./d"));
  EXPECT_THAT(compare_manifests("", "").missing, IsEmpty());
}

}  // namespace
