// SPDX-License-Identifier: Apache-2.0
#include "tests/console/browser.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace ubc::test {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kPatience{120};
/// How WebDriver names an element.
constexpr const char* kElement = "element-6066-11e4-a52e-4f735466cecf";

std::string output_of(const std::string& command) {
  std::string output;
  FILE* pipe = ::popen(command.c_str(), "r");
  std::array<char, 4096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) output.append(buffer.data(), got);
  (void)::pclose(pipe);
  return output;
}

std::string decoded(const std::string& base64) {
  const std::string path = testing::TempDir() + "screenshot.base64";
  std::ofstream{path} << base64;
  std::string bytes = output_of("base64 -d " + path);
  (void)::unlink(path.c_str());
  return bytes;
}

}  // namespace

Child::Child(const std::vector<std::string>& command, const std::string& log) {
  std::array<int, 2> in{}, out{};
  if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) throw std::runtime_error{"no pipe"};
  pid_ = ::fork();
  if (pid_ == 0) {
    (void)::setpgid(0, 0);   // a browser has many processes: all end together
    const int errors = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    (void)::dup2(in[0], 0), (void)::dup2(out[1], 1), (void)::dup2(errors, 2);
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  (void)::close(in[0]), (void)::close(out[1]);
  to_ = in[1], from_ = out[0];
}

Child::~Child() {
  (void)::close(to_);
  (void)::kill(-pid_, SIGTERM);
  (void)::waitpid(pid_, nullptr, 0);
  (void)::kill(-pid_, SIGKILL);
  (void)::close(from_);
}

std::string Child::line_with(const std::string& word) {
  std::array<char, 1024> buffer{};
  while (true) {
    for (std::size_t end = 0; (end = read_.find('\n')) != std::string::npos;) {
      std::string line = read_.substr(0, end);
      read_.erase(0, end + 1);
      if (line.find(word) != std::string::npos) return line;
    }
    const ssize_t got = ::read(from_, buffer.data(), buffer.size());
    if (got <= 0) return "";
    read_.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

void Child::tell(const std::string& line) const {
  ASSERT_EQ(::write(to_, (line + "\n").data(), line.size() + 1), static_cast<ssize_t>(line.size() + 1));
}

Browser::Browser(const std::string& log) : driver_{{"chromedriver", "--port=0"}, log} {
  std::string line = driver_.line_with("successfully on port ");   // "ChromeDriver was started successfully on port 40123."
  EXPECT_NE(line, "") << "chromedriver does not start: see " << log;
  line = line.substr(line.rfind(' ') + 1);
  url_ = "http://127.0.0.1:" + line.substr(0, line.find('.')) + "/session";
  const json options{
      {"args",
       {"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--force-prefers-reduced-motion"}}};
  const json started = ask(
      "POST", "", {{"capabilities", {{"alwaysMatch", {{"goog:chromeOptions", options}, {"goog:loggingPrefs", {{"browser", "ALL"}}}}}}}});
  session_ = "/" + started.value("sessionId", "");
  EXPECT_NE(session_, "/") << started;
}

Browser::~Browser() { (void)ask("DELETE", ""); }

json Browser::ask(const std::string& method, const std::string& path, const json& body) {
  const std::string file = testing::TempDir() + "webdriver.json";
  std::ofstream{file} << (body.is_null() ? json::object() : body).dump();
  const std::string data = method == "POST" ? " -H 'Content-Type: application/json' --data-binary @" + file : "";
  const std::string reply = output_of("curl -sS --max-time 120 -X " + method + data + " '" + url_ + session_ + path + "'");
  (void)::unlink(file.c_str());
  const json parsed = json::parse(reply, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("value")) return json{{"error", reply}};
  return parsed["value"];
}

void Browser::command(const std::string& name, const json& parameters) {
  (void)ask("POST", "/goog/cdp/execute", {{"cmd", name}, {"params", parameters}});
}

void Browser::open(const std::string& url) { (void)ask("POST", "/url", {{"url", url}}); }

json Browser::evaluate(const std::string& expression) {
  return ask("POST", "/execute/sync", {{"script", "return " + expression}, {"args", json::array()}});
}

void Browser::wait_for(const std::string& expression) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  json last;
  while (std::chrono::steady_clock::now() < end) {
    last = evaluate(expression);
    if (last == true) return;
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
  }
  throw std::runtime_error{"it never got true: " + expression + " is " + last.dump() +
                           "\nthe page says: " + evaluate("document.body.innerText").dump()};
}

std::string Browser::find(const std::string& selector) {
  wait_for("document.querySelector(" + json(selector).dump() + ") !== null");
  return ask("POST", "/element", {{"using", "css selector"}, {"value", selector}}).value(kElement, "");
}

void Browser::click(const std::string& selector) {
  const std::string element = find(selector);
  // As a person would: what lies behind the heading that stays is visible to the browser, and not to be clicked.
  (void)evaluate("document.querySelector(" + json(selector).dump() + ").scrollIntoView({block: 'center', behavior: 'instant'})");
  const json clicked = ask("POST", "/element/" + element + "/click");
  EXPECT_TRUE(clicked.is_null()) << selector << ": " << clicked;
}

void Browser::type(const std::string& selector, const std::string& text) {
  const std::string element = "/element/" + find(selector);
  (void)ask("POST", element + "/clear");
  const json typed = ask("POST", element + "/value", {{"text", text}});
  EXPECT_TRUE(typed.is_null()) << selector << ": " << typed;
}

void Browser::press(const std::string& keys) {
  json actions = json::array();
  for (const char key : keys)
    for (const char* kind : {"keyDown", "keyUp"}) actions.push_back({{"type", kind}, {"value", std::string{key}}});
  (void)ask("POST", "/actions", {{"actions", {{{"type", "key"}, {"id", "keyboard"}, {"actions", actions}}}}});
}

void Browser::look_like(int width, int height, bool dark, bool phone) {
  command("Emulation.setDeviceMetricsOverride", {{"width", width}, {"height", height}, {"deviceScaleFactor", 2}, {"mobile", phone}});
  command("Emulation.setEmulatedMedia", {{"features", {{{"name", "prefers-color-scheme"}, {"value", dark ? "dark" : "light"}}}}});
}

void Browser::screenshot(const std::string& path) {
  std::ofstream{path, std::ios::binary} << decoded(ask("GET", "/screenshot").get<std::string>());
}

std::vector<std::string> Browser::complaints() {
  std::vector<std::string> complaints;
  for (const json& entry : ask("POST", "/se/log", {{"type", "browser"}}))
    if (entry.value("level", "") == "SEVERE" || entry.value("level", "") == "WARNING") complaints.push_back(entry.value("message", ""));
  return complaints;
}

}  // namespace ubc::test
