// SPDX-License-Identifier: Apache-2.0
#include "exporter/auth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace ubc::exporter {
namespace {

using Outcome = Authenticator::Outcome;
using std::chrono::seconds;
using testing::HasSubstr;

const Authenticator::Clock::time_point kStart{seconds{1000}};
// "open sesame", with the fewest rounds: what a password costs is not what is tested. "ada:open sesame", "ada:shut", "eve:open sesame".
const std::string kHash = "$5$rounds=1000$salt$fn6nUx.sE0fgz/VX03yrwL05pkenQ/0yTOmQ37f3fd4";
const std::string kRight = "Basic YWRhOm9wZW4gc2VzYW1l", kWrong = "Basic YWRhOnNodXQ=", kUnknown = "Basic ZXZlOm9wZW4gc2VzYW1l";

Authenticator ada() { return Authenticator{{{"ada", Role::admin, kHash}}}; }

TEST(Users, AreReadALineEachAndAWrongLineIsNamed) {
  const std::string token(64, 'a');
  const auto users = parse_users("# who\n\nada admin " + kHash + "\n  rita\tread  sha256:" + token + "\n");
  ASSERT_TRUE(users) << users.error().message;
  ASSERT_EQ(users->size(), 2U);
  EXPECT_EQ((*users)[1].name, "rita");
  EXPECT_EQ((*users)[1].role, Role::read);
  const auto wrong = [](const std::string& text) {
    const auto read = parse_users(text);
    return read ? "" : read.error().message;
  };
  EXPECT_EQ(wrong("ada admin"), "line 1: say NAME ROLE SECRET");
  EXPECT_EQ(wrong("\nada root " + kHash), "line 2: the role is read or admin");
  EXPECT_EQ(wrong("a:b read " + kHash), "line 1: a name has letters, digits and -_.@, at most 64");
  EXPECT_EQ(wrong("ada read " + kHash + "\nada admin " + kHash), "line 2: ada is there twice");
  for (const char* weak : {"secret", "$1$salt$hash", "abJnggxhB/yWI", "sha256:abc", "*"})
    EXPECT_THAT(wrong(std::string{"ada read "} + weak), HasSubstr("line 1: the secret is no hash that is hard to guess")) << weak;
}

TEST(Users, AFileThatOthersCanReadIsRefused) {
  const std::string path = testing::TempDir() + "users";
  std::ofstream{path} << "ada admin " << kHash << "\n";
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  EXPECT_TRUE(load_users(path));
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  EXPECT_EQ(load_users(path).error().message,
            "the users' file " + path + " must be root's and nobody else's to read or write: chown root, chmod 600");
  std::filesystem::remove(path);
}

TEST(Authenticator, KnowsTheRightPasswordAndNoOther) {
  Authenticator users = ada();
  EXPECT_EQ(users.check(kRight, kStart).identity, (Identity{"ada", Role::admin}));
  EXPECT_EQ(users.check(kWrong, kStart).outcome, Outcome::wrong);
  EXPECT_EQ(users.check(kUnknown, kStart).outcome, Outcome::wrong);
  EXPECT_EQ(users.check("", kStart).outcome, Outcome::nobody);
  for (const char* garbage : {"Basic", "Basic !!!!", "Basic YWRh", "Digest x", "Bearer", "Bearer ", "Basic AGFkYTo="})
    EXPECT_EQ(users.check(garbage, kStart).outcome, Outcome::wrong) << garbage;
}

TEST(Authenticator, KnowsATokenAndNoOtherNorItsHash) {
  const auto made = make_token();
  Authenticator users{{{"prometheus", Role::read, made->secret}}};
  EXPECT_EQ(users.check("Bearer " + made->token, kStart).identity, (Identity{"prometheus", Role::read}));
  EXPECT_EQ(users.check("bearer  " + made->token + " ", kStart).outcome, Outcome::known);
  EXPECT_EQ(users.check("Bearer " + made->token + "0", kStart).outcome, Outcome::wrong);
  EXPECT_EQ(users.check("Bearer " + made->secret, kStart).outcome, Outcome::wrong);
}

TEST(Authenticator, AfterFiveWrongPasswordsTheNextIsNotLookedAtButOneThatWasRightIsStillKnown) {
  Authenticator users = ada();
  ASSERT_EQ(users.check(kRight, kStart).outcome, Outcome::known);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(users.check(kWrong, kStart).outcome, Outcome::wrong) << i;
  EXPECT_EQ(users.check(kWrong, kStart).outcome, Outcome::too_often);
  EXPECT_EQ(users.check(kRight, kStart).outcome, Outcome::known);
  EXPECT_EQ(users.check(kWrong, kStart + seconds{1}).outcome, Outcome::wrong);
  EXPECT_EQ(users.check(kWrong, kStart + seconds{1}).outcome, Outcome::too_often);
}

TEST(Authenticator, WhoIsTakenFromTheFileIsOutAtOnceAndARoleChangesAtOnce) {
  Authenticator users = ada();
  ASSERT_EQ(users.check(kRight, kStart).outcome, Outcome::known);
  users.replace({{"ada", Role::read, kHash}});
  EXPECT_EQ(users.check(kRight, kStart).identity.role, Role::read);
  users.replace({{"bob", Role::read, kHash}});
  EXPECT_EQ(users.check(kRight, kStart).outcome, Outcome::wrong);
}

TEST(Password, IsHashedSoThatItIsKnownAgain) {
  const auto hash = hash_password("open sesame");
  ASSERT_TRUE(hash) << hash.error().message;
  EXPECT_THAT(*hash, testing::StartsWith("$y$"));
  Authenticator users{{{"ada", Role::read, *hash}}};
  EXPECT_EQ(users.check(kRight, kStart).outcome, Outcome::known);
  EXPECT_EQ(users.check(kWrong, kStart).outcome, Outcome::wrong);
  EXPECT_FALSE(hash_password(""));
}

}  // namespace
}  // namespace ubc::exporter
