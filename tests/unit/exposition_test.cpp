// SPDX-License-Identifier: Apache-2.0
// Our text beside the library's, byte for byte; and OpenMetrics, letter for letter.
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <cmath>
#include <limits>
#include <sstream>
#include <string>

#include "exporter/exposition.h"
#include "exporter/families.h"
#include "tests/support/library_families.h"

namespace ubc::exporter {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

std::string by_library(const MetricFamily& family) { return prometheus::TextSerializer{}.Serialize({family}); }

template <typename T>
std::string by_us(Format format, T value) {
  std::string text;
  Exposition out{text, format};
  out.one("ubc_x", Kind::gauge, "An x", value);
  return text;
}

TEST(Exposition, ANumberIsWrittenAsTheLibraryDoes) {
  const auto library = [](double value) {
    MetricFamily family{"ubc_x", "An x", MetricType::Gauge, {ClientMetric{}}};
    family.metric[0].gauge.value = value;
    return by_library(family);
  };
  for (const std::uint64_t value : {0ULL, 1ULL, 4096ULL, 1000000ULL, 9007199254740992ULL, 9007199254740993ULL, 10000000000000000ULL,
                                    12345678901234567ULL, UBC_UNLIMITED, ~0ULL})
    EXPECT_EQ(by_us(Format::text, value), library(static_cast<double>(value)));
  for (const double value : {0.0, 0.1, 1e-7, 1.5, 1e15, 1e16, 1e17, 1.0 / 3, 1764313477.123456, -2.5, 1e300,
                             std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), std::nan("")})
    EXPECT_EQ(by_us(Format::text, value), library(value));
}

TEST(Exposition, LabelsAreEscapedAsTheLibraryDoes) {
  MetricFamily family{"ubc_x_total", "An x", MetricType::Counter, {ClientMetric{}, ClientMetric{}}};
  family.metric[0].label = {{"a", "back\\slash \"quoted\"\nnew"}, {"b", ""}};
  family.metric[0].counter.value = 3;
  std::string text;
  Exposition out{text, Format::text};
  out.family(family.name, Kind::counter, family.help);
  out.sample({{"a", "back\\slash \"quoted\"\nnew"}}, {{"b", ""}}, 3);
  out.sample({}, 0);
  EXPECT_EQ(text, by_library(family));
}

TEST(Exposition, TheBeancountersOfAHostAreByteForByteTheLibrarysOwn) {
  HostReading host = test::crowded_host(40);
  host.running[3].counted_by_hooks = false;
  host.running[4].counters = {};
  host.running[5].counters.of(UBC_PRIVVMPAGES) = {.held = 0x7fffffff, .maxheld = UBC_UNLIMITED / 4096 + 1, .barrier = UBC_UNLIMITED - 1};
  host.collected = {};
  host.collected.set(Collector::beancounters, true);
  std::string all;
  Exposition out{all, Format::text};
  write_families(host, {}, out);
  const std::size_t begin = all.find("# HELP ubc_held_items"), end = all.find("# HELP ubc_build_info");
  ASSERT_NE(begin, std::string::npos);
  const std::string library = prometheus::TextSerializer{}.Serialize(test::library_families(host));
  std::istringstream ours_left{all.substr(begin, end - begin)}, library_left{library};
  std::size_t lines = 0;
  for (std::string ours, theirs; static_cast<bool>(std::getline(ours_left, ours)) | static_cast<bool>(std::getline(library_left, theirs));
       ++lines)
    ASSERT_EQ(ours, theirs);
  EXPECT_GT(lines, 4000U) << "the test looked at little";
  EXPECT_TRUE(all.substr(begin, end - begin) == library);
}

TEST(Exposition, OpenMetricsNamesTheFamilyWithoutItsSuffixAndSaysTheUnit) {
  std::string text;
  Exposition out{text, Format::openmetrics};
  out.one("ubc_cpu_seconds_total", Kind::counter, "CPU \"time\"", 1.5, {{"ctid", "101"}});
  out.one("ubc_container_info", Kind::info, "A container", 1, {{"name", "w\"eb"}});
  out.one("ubc_held_bytes", Kind::gauge, "Held", std::nan(""));
  out.one("ubc_containers", Kind::gauge, "Containers", 2);
  out.end();
  EXPECT_EQ(text,
            "# HELP ubc_cpu_seconds CPU \\\"time\\\"\n# TYPE ubc_cpu_seconds counter\n# UNIT ubc_cpu_seconds seconds\n"
            "ubc_cpu_seconds_total{ctid=\"101\"} 1.5\n"
            "# HELP ubc_container A container\n# TYPE ubc_container info\nubc_container_info{name=\"w\\\"eb\"} 1\n"
            "# HELP ubc_held_bytes Held\n# TYPE ubc_held_bytes gauge\n# UNIT ubc_held_bytes bytes\nubc_held_bytes NaN\n"
            "# HELP ubc_containers Containers\n# TYPE ubc_containers gauge\nubc_containers 2\n"
            "# EOF\n");
}

TEST(Exposition, HelpStaysOneLine) {
  for (const auto& [format, help] :
       {std::pair{Format::text, "# HELP ubc_x a\\\\b\\nc \"d\"\n"}, {Format::openmetrics, "# HELP ubc_x a\\\\b\\nc \\\"d\\\"\n"}}) {
    std::string text;
    Exposition out{text, format};
    out.one("ubc_x", Kind::gauge, "a\\b\nc \"d\"", 1);
    EXPECT_EQ(text.substr(0, text.find("# TYPE")), help);
  }
}

TEST(Exposition, AFamilyWithoutSamplesLeavesNoTraceNorDoesOneThatNobodyWants) {
  std::string text;
  Exposition out{text, Format::text, {"ubc_b"}};
  EXPECT_FALSE(out.family("ubc_a", Kind::gauge, "An a"));
  out.sample({}, 1);
  EXPECT_TRUE(out.family("ubc_b", Kind::gauge, "A b"));
  EXPECT_EQ(text, "");
  out.sample({}, 2);
  out.one("ubc_b_total", Kind::counter, "No b", 3);
  out.end();
  EXPECT_EQ(text, "# HELP ubc_b A b\n# TYPE ubc_b gauge\nubc_b 2\n");
  EXPECT_EQ(out.samples(), 1U);
}

}  // namespace
}  // namespace ubc::exporter
