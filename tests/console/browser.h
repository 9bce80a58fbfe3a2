// SPDX-License-Identifier: Apache-2.0
// A headless Chromium, driven by WebDriver over chromedriver; and a child with pipes, which both it and the made-up ubcd are.
#pragma once

#include <sys/types.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace ubc::test {

class Child {
 public:
  /// Its standard error goes to `log`.
  Child(const std::vector<std::string>& command, const std::string& log);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();
  /// The first line of its output that contains `word`; empty where it ended without.
  std::string line_with(const std::string& word);
  void tell(const std::string& line) const;

 private:
  pid_t pid_ = -1;
  int to_ = -1, from_ = -1;
  std::string read_;
};

class Browser {
 public:
  /// `log`: chromedriver's.
  explicit Browser(const std::string& log);
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;
  ~Browser();

  void open(const std::string& url);
  /// The value of an expression in the page.
  nlohmann::json evaluate(const std::string& expression);
  /// Waits until the expression is true; ends the test where it does not get so in half a minute.
  void wait_for(const std::string& expression);
  /// Clicks, types, as a person would; the element that a selector of CSS finds.
  void click(const std::string& selector);
  void type(const std::string& selector, const std::string& text);
  /// Into whatever has the focus.
  void press(const std::string& keys);
  /// The window's size and how it likes its colours.
  void look_like(int width, int height, bool dark, bool phone);
  void screenshot(const std::string& path);
  /// What the page, or the policy against it, complained of since the last call.
  std::vector<std::string> complaints();

 private:
  nlohmann::json ask(const std::string& method, const std::string& path, const nlohmann::json& body = nullptr);
  std::string find(const std::string& selector);
  void command(const std::string& name, const nlohmann::json& parameters);

  Child driver_;
  std::string url_, session_;
};

}  // namespace ubc::test
