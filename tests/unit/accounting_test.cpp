// SPDX-License-Identifier: Apache-2.0
// Limits as vzctl wrote them, configuration files in place, and the classic table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accounting/config_file.h"
#include "accounting/limits.h"
#include "accounting/user_beancounters.h"

namespace ubc::accounting {
namespace {

Limits parsed(const char* resource, const char* text) {
  const auto limits = parse_limits(*find_resource(resource), text);
  EXPECT_TRUE(limits.has_value()) << text << ": " << (limits ? "" : limits.error().message);
  return limits.value_or(Limits{});
}

TEST(Limits, OneNumberSetsBothAndSuffixesArePowersOf1024) {
  EXPECT_EQ(parsed("numproc", "240"), (Limits{Limit::at(240), Limit::at(240)}));
  EXPECT_EQ(parsed("kmemsize", "2M:3M"), (Limits{Limit::at(2 << 20), Limit::at(3 << 20)}));
  EXPECT_EQ(parsed("privvmpages", "100"), (Limits{Limit::at(100), Limit::at(100)}));
  EXPECT_EQ(parsed("privvmpages", "64M"), (Limits{Limit::at(16384), Limit::at(16384)}));
  EXPECT_EQ(parsed("privvmpages", "4097B"), (Limits{Limit::at(1), Limit::at(1)})) << "rounded down";
  EXPECT_EQ(parsed("privvmpages", "7p:9P"), (Limits{Limit::at(7), Limit::at(9)}));
  EXPECT_EQ(parsed("numfile", "10:unlimited"), (Limits{Limit::at(10), Limit::unlimited()}));
  EXPECT_EQ(parsed("physpages", "0:2147483647"), (Limits{Limit::at(0), Limit::unlimited()})) << "32-bit hosts' LONG_MAX";
}

TEST(Limits, GarbageIsRefused) {
  for (const char* text : {"", ":", "1:", ":1", "-1", "1.5", "0x10", "1KK", "9:5", "abc", "1 2", "unlimitd", "1:2:3"})
    EXPECT_FALSE(parse_limits(*find_resource("numproc"), text)) << text;
  EXPECT_FALSE(parse_limits(*find_resource("numproc"), "1K")) << "items take no suffix";
  EXPECT_FALSE(parse_limits(*find_resource("kmemsize"), "1Q"));
}

TEST(Limits, RamIsBytesRoundedUpWithBarrierZero) {
  EXPECT_EQ(parse_ram("ram", "4097").value(), (Limits{Limit::at(0), Limit::at(2)}));
  EXPECT_EQ(parse_ram("ram", "1G").value(), (Limits{Limit::at(0), Limit::at(262144)}));
  EXPECT_FALSE(parse_ram("ram", "1:2"));
}

TEST(ConfigFile, RepeatedBeancountersTheLastCountsOtherKeysTheFirst) {
  const ConfigFile file = ConfigFile::parse("NUMPROC=\"10\"\nHOSTNAME=\"a\"\n# NUMPROC=\"30\"\nNUMPROC=20\nHOSTNAME=\"b\"\n");
  EXPECT_EQ(file.get("NUMPROC"), "20");
  EXPECT_EQ(file.get("HOSTNAME"), "a");
  EXPECT_TRUE(file.complaints().empty());
}

TEST(ConfigFile, SettingReplacesInPlaceAndUnknownLinesStay) {
  ConfigFile file = ConfigFile::parse("# top\nFOO=\"bar\"\nDCACHE=\"1:2\"\nnonsense here\n");
  file.set("DCACHESIZE", "3:4");
  file.set("NAME", "a \"b\" $c");
  EXPECT_EQ(file.text(), "# top\nFOO=\"bar\"\nDCACHESIZE=\"3:4\"\nnonsense here\nNAME=\"a \\\"b\\\" \\$c\"\n");
  EXPECT_EQ(ConfigFile::parse(file.text()).get("NAME"), "a \"b\" $c");
  EXPECT_THAT(file.complaints(), testing::ElementsAre(testing::HasSubstr("line 4")));
}

TEST(UserBeancounters, EachLineIsAsWideAsThe64BitKernelsPrintedIt) {
  Snapshot snapshot;
  snapshot.of(UBC_KMEMSIZE) = {836919, 1005343, 2752512, 2936012, 0};
  snapshot.of(UBC_NUMPROC) = {20, 26, 65, 65, 3};
  const std::string text = user_beancounters({{123, snapshot}});
  EXPECT_TRUE(text.starts_with(
      "Version: 2.5\n"
      "       uid  resource                     held              maxheld              barrier                limit              failcnt\n"
      "      123:  kmemsize                   836919              1005343              2752512              2936012                    "
      "0\n"))
      << text;
  EXPECT_THAT(text, testing::HasSubstr("            numproc                        20                   26                   65            "
                                       "       65                    3\n"));
  EXPECT_EQ(std::ranges::count(text, '\n'), 2 + kClassicRows);
  EXPECT_EQ(text.size(), 13U + 130U * (1 + kClassicRows));
}

}  // namespace
}  // namespace ubc::accounting
