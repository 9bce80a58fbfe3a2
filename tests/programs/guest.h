// SPDX-License-Identifier: Apache-2.0
// ubctl as its user runs it, and a busybox guest that is gone after each test.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace ubc::test {

struct Ran {
  int status = -1;
  std::string output;   ///< both streams
};

/// A shell command, to its end.
Ran shell(const std::string& command);
Ran ubctl(const std::string& arguments);
std::string text_of(const std::string& path);
/// One field of one container, as `ubctl list -H -o` prints it.
std::string field(const std::string& id, const std::string& name);
/// Built once for all tests, removed after the last.
void need_busybox_template();

/// Container 101, from the busybox template.
class Guest : public testing::Test {
 protected:
  static void SetUpTestSuite();
  void TearDown() override;
  static void create(const std::string& more = "");
  static void start();
  /// The program that tests run inside, as /probe in the guest. It does not run yet.
  static void put_probe();
};

/// Container 101 may be made from Debian 12, whose archive tests/debian_archive.sh has put into the cache.
class DebianGuest : public Guest {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  /// It has come to its default target, with no unit failed.
  static void await_systemd();
};

}  // namespace ubc::test
