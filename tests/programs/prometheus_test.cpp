// SPDX-License-Identifier: Apache-2.0
// A real Prometheus scrapes ubcd: its query API knows what ubctl shows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "accounting/resource.h"
#include "tests/programs/daemon.h"

namespace ubc::test {
namespace {

using nlohmann::json;

constexpr const char* kPrometheusLog = "/tmp/prometheus.log";

/// On the loopback device, its data below /tmp; ended with the object.
class Prometheus {
 public:
  Prometheus() {
    std::ofstream{"/tmp/prometheus.yml"} << "global: {scrape_interval: 2s, scrape_timeout: 2s}\n"
                                            "scrape_configs:\n- {job_name: ubc, static_configs: [{targets: ['127.0.0.1:9641']}]}\n";
    pid_ = ::fork();
    if (pid_ == 0)
      ::execl("/bin/sh", "sh", "-c",
              "exec prometheus --config.file=/tmp/prometheus.yml --storage.tsdb.path=/tmp/tsdb --web.listen-address=127.0.0.1:9090 "
              ">/tmp/prometheus.log 2>&1",
              nullptr);
  }
  Prometheus(const Prometheus&) = delete;
  Prometheus& operator=(const Prometheus&) = delete;
  ~Prometheus() {
    (void)::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
  }

  /// The result's vector; null where it does not answer yet.
  [[nodiscard]] static json query(const std::string& expression) {
    const Ran asked = shell("curl -sS --max-time 30 --data-urlencode 'query=" + expression + "' http://127.0.0.1:9090/api/v1/query");
    const json answer = json::parse(asked.output, nullptr, false);
    return answer.is_object() && answer.value("status", "") == "success" ? answer["data"]["result"] : json{};
  }

 private:
  pid_t pid_ = -1;
};

/// Family and resource → value, of what Prometheus has of container 101.
using Series = std::map<std::pair<std::string, std::string>, double>;
Series series_of_101() {
  Series series;
  for (const json& each : Prometheus::query("{ctid=\"101\",resource!=\"\"}"))
    series[{each["metric"]["__name__"], each["metric"]["resource"]}] = std::stod(each["value"][1].get<std::string>());
  return series;
}

/// The series that ubctl's counter should have become.
void expect_counter(const Series& series, const accounting::ResourceInfo& info, const json& shown) {
  const double unit = info.unit == accounting::Unit::pages ? accounting::kPageSize : 1;
  const std::string resource{info.name};
  for (const char* part : {"held", "maxheld", "barrier", "limit"}) {
    const auto found = series.find({std::string{"ubc_"} + part + (info.unit == accounting::Unit::items ? "_items" : "_bytes"), resource});
    const auto amount = shown[part].get<std::uint64_t>();
    if (amount == UBC_UNLIMITED)
      EXPECT_EQ(found, series.end()) << resource << " " << part << " is unlimited";
    else if (found == series.end())
      ADD_FAILURE() << resource << " " << part << " is missing";
    else
      EXPECT_EQ(found->second, static_cast<double>(amount) * unit) << resource << " " << part;
  }
  const auto failures = series.find({"ubc_failures_total", resource});
  EXPECT_TRUE(failures != series.end() && failures->second == shown["failcnt"].get<double>()) << resource;
}

class Scraped : public Guest {};

TEST_F(Scraped, WhatPrometheusKnowsIsWhatUbctlShows) {
  create("--name web --numproc 10:12 --numfile 300 --privvmpages 64M:72M");
  start();
  (void)ubctl("exec 101 'for i in $(seq 30); do sleep 1000 >/dev/null 2>&1 & done'");
  const Daemon daemon;
  const Prometheus prometheus;
  Series series;
  for (int i = 0; i < 120 && series.empty(); ++i) {
    (void)shell("sleep 1");
    series = series_of_101();
  }
  ASSERT_FALSE(series.empty()) << text_of(kPrometheusLog) << text_of(kLog);
  const json shown = json::parse(ubctl("show 101 --json").output, nullptr, false);
  ASSERT_TRUE(shown.is_object());
  int compared = 0;
  for (const accounting::ResourceInfo& info : accounting::kResources) {
    // What the memory controller counts moves by itself, from one look to the next.
    const bool moves = info.resource == UBC_KMEMSIZE || info.resource == UBC_DCACHESIZE || info.resource == UBC_PHYSPAGES ||
                       info.resource == UBC_OOMGUARPAGES;
    if (moves) continue;
    expect_counter(series, info, shown[std::string{info.name}]);
    ++compared;
  }
  EXPECT_GT(compared, 15);
  EXPECT_GT((series[{"ubc_failures_total", "numproc"}]), 0) << "nothing was refused: the test compared little";
  EXPECT_EQ(Prometheus::query("ubc_container_info{ctid=\"101\"}")[0]["metric"]["name"], "web");
  EXPECT_EQ(Prometheus::query("up")[0]["value"][1], "1");
}

}  // namespace
}  // namespace ubc::test
