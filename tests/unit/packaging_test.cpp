// SPDX-License-Identifier: Apache-2.0
// What is shipped for Prometheus and Grafana: it names only families that ubcd serves, and promtool and its unit tests have no complaint.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>

#include "exporter/cadvisor_families.h"
#include "tests/support/made_up_host.h"

namespace ubc::exporter {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path kPackaging{UBC_SOURCE "/packaging"};
const std::regex kName{R"(\b((?:ubc|process)[_:][a-z0-9_:]+)\b)"};

std::string text_of(const fs::path& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

std::set<std::string> matches(const std::string& text, const std::regex& pattern) {
  std::set<std::string> found;
  for (std::sregex_iterator match{text.begin(), text.end(), pattern}, end; match != end; ++match) found.insert((*match)[1]);
  return found;
}

/// Of a host that has everything.
std::set<std::string> served() {
  const test::MadeUpHost made_up = test::full_host();
  std::string text;
  Exposition out{text, Format::text};
  write_families(made_up.host, made_up.own, out);
  return matches(text, std::regex{R"(# TYPE (\w+) )"});
}

/// Each string below a key that holds PromQL.
void collect(const json& node, std::string& queries) {
  if (node.is_object())
    for (const auto& [key, value] : node.items()) {
      if (value.is_string() && (key == "expr" || key == "query" || key == "definition")) queries += value.get<std::string>() + "\n";
      collect(value, queries);
    }
  if (node.is_array())
    for (const json& each : node) collect(each, queries);
}

std::string rules() { return text_of(kPackaging / "prometheus/ubc.rules.yml"); }
std::set<std::string> recorded() { return matches(rules(), std::regex{R"(- record: (\S+))"}); }

TEST(Packaging, RulesNameOnlyFamiliesThatAreServedOrRecorded) {
  std::set<std::string> known = served();
  known.merge(recorded());
  std::string expressions;
  for (const std::string& expression : matches(rules(), std::regex{R"(expr: (.*))"})) expressions += expression + "\n";
  const std::set<std::string> used = matches(expressions, kName);
  EXPECT_GT(used.size(), 20U) << "the test looked at nothing";
  for (const std::string& name : used) EXPECT_TRUE(known.contains(name)) << name << " is not served";
}

TEST(Packaging, DashboardsNameOnlyFamiliesThatAreServed) {
  const std::set<std::string> known = served();
  std::size_t boards = 0;
  std::set<std::string> shown, uids;
  for (const auto& entry : fs::directory_iterator{kPackaging / "grafana"}) {
    const json board = json::parse(text_of(entry.path()), nullptr, false);
    ASSERT_FALSE(board.is_discarded()) << entry.path();
    std::string queries;
    collect(board, queries);
    for (const std::string& name : matches(queries, kName)) {
      EXPECT_TRUE(known.contains(name)) << entry.path() << ": " << name << " is not served";
      shown.insert(name);
    }
    EXPECT_TRUE(uids.insert(board.value("uid", "")).second) << entry.path();
    ++boards;
  }
  EXPECT_EQ(boards, 3U);
  for (const char* name :
       {"ubc_held_items", "ubc_held_bytes", "ubc_limit_items", "ubc_failures_total", "ubc_pressure_stalled_seconds_total"})
    EXPECT_TRUE(shown.contains(name)) << name << " is on no board";
}

TEST(Packaging, EachRuleHasAUnitTestInWhichItFires) {
  const std::string tests = text_of(kPackaging / "prometheus/ubc.rules.test.yml");
  const std::set<std::string> firing = matches(tests, std::regex{R"(alertname: (\w+)\n\s+exp_alerts:\n\s+- exp_labels)"});
  const std::set<std::string> alerts = matches(rules(), std::regex{R"(- alert: (\w+))"});
  EXPECT_GE(alerts.size(), 16U);
  for (const std::string& alert : alerts) EXPECT_TRUE(firing.contains(alert)) << alert;
  for (const std::string& record : recorded()) EXPECT_NE(tests.find("expr: " + record + "\n"), std::string::npos) << record;
}

TEST(Packaging, PromtoolHasNoComplaintOfRulesTheirTestsAndTheConfiguration) {
  const std::string in = "cd " + (kPackaging / "prometheus").string() + " && promtool ";
  for (const std::string command : {"check rules ubc.rules.yml", "test rules ubc.rules.test.yml", "check config prometheus.yml"})
    EXPECT_EQ(std::system((in + command + " >/dev/null").c_str()), 0) << "promtool " << command << " (Debian package prometheus)";
}

/// As Prometheus would take it, of a host that has everything.
std::string complaints_of(const std::string& metrics) {
  const fs::path file = fs::path{testing::TempDir()} / "ubc-metrics.txt", said = fs::path{testing::TempDir()} / "ubc-promtool.txt";
  std::ofstream{file} << metrics;
  const int status = std::system(("promtool check metrics < " + file.string() + " > " + said.string() + " 2>&1").c_str());
  return status == 0 ? "" : "promtool check metrics: " + text_of(said);
}

TEST(Packaging, PromtoolHasNoComplaintOfTheMetrics) {
  const test::MadeUpHost made_up = test::full_host();
  std::string own, cadvisor;
  Exposition out{own, Format::text}, other{cadvisor, Format::text};
  write_families(made_up.host, made_up.own, out);
  write_cadvisor(made_up.host, "", other);
  EXPECT_EQ(complaints_of(own), "");
  EXPECT_EQ(complaints_of(cadvisor), "");
  EXPECT_NE(complaints_of("# TYPE x_seconds counter\nx_seconds 1\n"), "") << "the test looks at nothing";
}

}  // namespace
}  // namespace ubc::exporter
