// SPDX-License-Identifier: Apache-2.0
// The console in a real browser, served by the real server, of a made-up host. Screenshots are kept in build/console.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/console/browser.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

const std::string kKept = CONSOLE_ARTEFACTS;

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream{path}.rdbuf();
  return text.str();
}

/// "ada" with the password "open sesame", hashed with few rounds.
std::string users_file() {
  const std::string path = kKept + "/users";
  std::filesystem::remove(path);
  std::ofstream{path} << "ada admin $5$rounds=1000$salt$fn6nUx.sE0fgz/VX03yrwL05pkenQ/0yTOmQ37f3fd4\n";
  (void)::chmod(path.c_str(), 0600);
  return path;
}

class Console : public testing::Test {
 protected:
  static void SetUpTestSuite() { std::filesystem::create_directories(kKept); }
  const std::string log_ = kKept + "/ubcd.log";
  Child ubcd_{{MADE_UP_UBCD, "--users", users_file()}, log_};
  Browser browser_{kKept + "/chromedriver.log"};

  void SetUp() override {
    browser_.look_like(1440, 960, false, false);
    browser_.open(ubcd_.line_with("http://"));
  }
  void TearDown() override { EXPECT_THAT(browser_.complaints(), IsEmpty()) << "the browser's own log"; }

  void sign_in() {
    browser_.type("input[name=username]", "ada");
    browser_.type("input[name=password]", "open sesame");
    browser_.click("form button[type=submit]");
    browser_.wait_for("document.querySelectorAll('.fleet-row').length === 10 && document.getElementById('live').dataset.state === 'on'");
  }
  /// The first row's words: whose it is, how near to what.
  std::string first_row() {
    return browser_.evaluate("document.querySelector('.fleet-row').innerText.replace(/\\s+/g, ' ')").get<std::string>();
  }
};

TEST_F(Console, AWrongPasswordIsSaidToBeAndTheRightOneShowsWhoIsNearestToABarrierFirst) {
  browser_.type("input[name=username]", "ada");
  browser_.type("input[name=password]", "shut");
  browser_.click("form button[type=submit]");
  browser_.wait_for("document.querySelector('.problem')?.textContent === 'no such user, password or token'");
  sign_in();
  EXPECT_THAT(first_row(), testing::StartsWith("shop 101 · shop.example.com · debian-12 numproc 93%"));
  EXPECT_EQ(browser_.evaluate("document.querySelector('.feed .refusal').innerText.includes('17 times')"), true);
  browser_.screenshot(kKept + "/fleet-light.png");
}

TEST_F(Console, WhatHappensOnTheHostIsShownWithoutAReload) {
  sign_in();
  ubcd_.tell("held 103 numproc 240");
  browser_.wait_for("document.querySelector('.fleet-row').innerText.startsWith('wiki')");
  EXPECT_THAT(first_row(), HasSubstr("numproc 100%"));
  ubcd_.tell("refuse 103 numproc <img/src=x>");
  browser_.wait_for("document.querySelector('.feed .program').textContent === '<img/src=x>'");
  EXPECT_EQ(browser_.evaluate("document.querySelectorAll('.feed img').length"), 0) << "a program's name became markup";
}

TEST_F(Console, AnAdminChangesALimitWithAPreviewAndStopsAContainer) {
  sign_in();
  browser_.press("/");
  browser_.type("#search", "wiki\n");   // Enter opens what was found
  browser_.click("button[aria-label='Change the limit of numproc']");
  browser_.type("dialog .pair .field:first-child input", "80");
  browser_.type("dialog .pair .field:last-child input", "70");
  browser_.wait_for("document.querySelector('dialog .problem') !== null && document.querySelector('dialog [type=submit]').disabled");
  EXPECT_THAT(browser_.complaints(), testing::Each(HasSubstr("status of 400"))) << "the browser notes each refused preview";
  browser_.type("dialog .pair .field:last-child input", "100");
  browser_.wait_for("document.querySelector('dialog .effect')?.textContent === 'room for 6 more'");
  (void)browser_.complaints();   // of what was half typed
  browser_.screenshot(kKept + "/limit.png");
  browser_.click("dialog [type=submit]");
  browser_.wait_for("document.querySelector('dialog') === null");
  browser_.wait_for(
      "[...document.querySelectorAll('.resource')].find((row) => row.innerText.includes('numproc')).innerText.includes('100')");
  EXPECT_THAT(text_of(log_), HasSubstr("audit: ada (admin, 127.0.0.1) set 103 (saved), numproc 240:264 -> 80:100: done\n"));
  browser_.screenshot(kKept + "/container-light.png");
  browser_.click(".actions .danger");
  browser_.click("dialog [type=submit]");
  browser_.wait_for(
      "document.querySelector('.title-line .pill').textContent === 'Stopped' && document.querySelector('.actions').innerText === 'Start'");
  EXPECT_THAT(text_of(log_), HasSubstr("audit: ada (admin, 127.0.0.1) stop 103: done\n"));
}

TEST_F(Console, WhatAContainerUsesBesidesItsBeancountersIsShownNowAndOfItsLimit) {
  sign_in();
  browser_.evaluate("location.hash = '#/ct/103'");
  browser_.wait_for("document.querySelectorAll('.usage-card').length === 6");
  const auto card = [&](const std::string& title) { return "document.querySelector('.usage-card[aria-label=\"" + title + "\"]')"; };
  // 103 uses 0.85 of what the made-up world calls usual: 0.935 s of CPU time in a second, of 1.5.
  browser_.wait_for("/^9[0-9]%$/.test(" + card("CPU") + ".querySelector('b').textContent)");
  EXPECT_EQ(browser_.evaluate(card("CPU") + ".querySelector('.usage-of').textContent"), "of 150%");
  EXPECT_EQ(browser_.evaluate(card("CPU") + ".querySelector('.bar').hidden"), false);
  EXPECT_EQ(browser_.evaluate(card("Disk space") + ".querySelector('.usage-now').innerText.replace(/\\s+/g, ' ')"), "8.40 GiB of 10 GiB");
  EXPECT_EQ(browser_.evaluate(card("Disk space") + ".querySelector('.usage-note').textContent"), "141,203 files");
  EXPECT_EQ(browser_.evaluate(card("Disk writes") + ".querySelector('.usage-of').textContent"), "of 8 MiB/s");
  browser_.screenshot(kKept + "/usage-light.png");
  browser_.press("t");
  browser_.screenshot(kKept + "/usage-dark.png");
  browser_.look_like(390, 844, true, true);
  EXPECT_EQ(browser_.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
  browser_.evaluate("document.querySelector('.usage').scrollIntoView()");
  browser_.screenshot(kKept + "/usage-phone.png");
  browser_.look_like(1440, 960, false, false);
  browser_.evaluate("location.hash = '#/ct/2000000007'");
  browser_.wait_for("document.querySelectorAll('.usage-card').length === 3");   // nobody knows an adopted one's disk and links
  EXPECT_EQ(browser_.evaluate(card("CPU") + ".querySelector('.usage-of').textContent"), "of 150%") << "2000000007 is odd: it has a limit";
}

TEST_F(Console, APhoneAndTheDarkShowAllOfItWithoutScrollingSideways) {
  browser_.look_like(390, 844, true, true);
  browser_.evaluate("location.reload()");
  sign_in();
  const std::string fits = "document.documentElement.scrollWidth <= innerWidth";
  EXPECT_EQ(browser_.evaluate(fits), true);
  EXPECT_EQ(browser_.evaluate("document.documentElement.dataset.theme"), "dark");
  browser_.screenshot(kKept + "/fleet-phone-dark.png");
  browser_.click(".row-link");
  browser_.wait_for("document.querySelectorAll('.resource').length > 10");
  browser_.click(".resource-name");
  browser_.wait_for("document.querySelector('.chart, .more .empty-line') !== null");
  EXPECT_EQ(browser_.evaluate(fits), true);
  browser_.screenshot(kKept + "/container-phone-dark.png");
  browser_.press("t");
  browser_.wait_for("document.documentElement.dataset.theme === 'light'");
}

}  // namespace
}  // namespace ubc::test
