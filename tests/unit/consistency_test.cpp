// SPDX-License-Identifier: Apache-2.0
// Each rule of vzcfgvalidate on both sides of its inequality, its words, and its repair.
#include "accounting/consistency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accounting/samples.h"

namespace ubc::accounting {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Limits pair(std::uint64_t barrier, std::uint64_t limit) { return {Limit::at(barrier), Limit::at(limit)}; }

/// vzctl 4's basic, which passes without a word.
Parameters basic() { return parameters_in(load_sample("/nonexistent", "basic").value()); }

struct Outcome {
  bool valid = false;
  std::vector<std::string> said;   ///< messages, and the proposals where they were taken
};

Outcome check(Parameters& parameters, bool repair = false) {
  Outcome outcome;
  outcome.valid = check_classic(parameters, [&](const Finding& finding) {
    outcome.said.push_back(finding.message);
    if (repair) outcome.said.push_back(finding.proposal);
    return repair;
  });
  return outcome;
}

/// One number of basic changed: what is said, whether that fails, and what the repair makes of it.
struct Case {
  const char* key;
  const char* passes;    ///< on the good side of the rule, as near as can be
  const char* fails;     ///< on the other
  std::vector<std::string> message;
  const char* proposal;
  const char* repaired;
};

Parameters changed(const Parameters& from, const std::string& key, const std::string& value) {
  ConfigFile config;
  write_parameters(config, from);
  config.set(key, value);
  return parameters_in(config);
}

std::string value_of(const Parameters& parameters, const std::string& key) {
  ConfigFile config;
  write_parameters(config, parameters);
  return config.get(key).value_or("");
}

void expect(const Parameters& base, const Case& each, bool valid_all_the_same = false) {
  Parameters good = changed(base, each.key, each.passes);
  EXPECT_THAT(check(good).said, IsEmpty()) << each.key << "=" << each.passes;
  Parameters bad = changed(base, each.key, each.fails);
  const Outcome found = check(bad);
  EXPECT_EQ(found.said, each.message) << each.key << "=" << each.fails;
  EXPECT_EQ(found.valid, valid_all_the_same) << each.key;
  EXPECT_EQ(value_of(bad, each.key), value_of(changed(base, each.key, each.fails), each.key)) << "not repaired without being asked";
  const Outcome mended = check(bad, true);
  EXPECT_TRUE(mended.valid) << each.key;
  EXPECT_THAT(mended.said, testing::Contains(each.proposal)) << each.key;
  EXPECT_EQ(value_of(bad, each.key), each.repaired);
  EXPECT_THAT(check(bad).said, IsEmpty()) << each.key << " after the repair";
}

TEST(Consistency, TheSamplesOfVzctl4PassWithoutAWord) {
  for (const char* name : {"basic", "light", "vps.basic"}) {
    Parameters sample = parameters_in(load_sample("/nonexistent", name).value());
    EXPECT_EQ(check(sample).valid, true) << name;
    EXPECT_THAT(check(sample).said, IsEmpty()) << name;
  }
}

TEST(Consistency, UnlimitedOf32BitHostsIsUnlimited) {
  Parameters parameters = changed(basic(), "OOMGUARPAGES", "26112:2147483647");
  EXPECT_THAT(check(parameters).said, IsEmpty());
}

TEST(Consistency, BarrierAndLimitThatShouldBeEqual) {
  for (const char* key : {"NUMTCPSOCK", "NUMOTHERSOCK", "SHMPAGES", "NUMPTY", "NUMSIGINFO", "NUMIPTENT"}) {
    std::string name{find_resource(key)->name};
    expect(basic(),
           {key, "12:12", "12:13", {"Error: barrier should be equal to limit for " + name + " (currently, 12:13)"}, "set to 13:13", "13"});
    expect(basic(),
           {key, "12:12", "13:12", {"Error: barrier should be equal to limit for " + name + " (currently, 13:12)"}, "set to 13:13", "13"});
  }
  expect(basic(), {"NUMFILE",
                   "9313:9313",
                   "9313:9314",
                   {"Error: barrier should be equal to limit for numfile (currently, 9313:9314)"},
                   "set to 9314:9314",
                   "9314"});
  expect(basic(),
         {"NUMPROC", "70:70", "70:71", {"Error: barrier should be equal to limit for numproc (currently, 70:71)"}, "set to 71:71", "71"});
}

TEST(Consistency, BarrierThatShouldNotBeOverTheLimit) {
  const struct {
    const char* key;
    const char *equal, *over;
  } cases[] = {{"KMEMSIZE", "14790164:14790164", "14790165:14790164"},
               {"DGRAMRCVBUF", "262144:262144", "262145:262144"},
               {"PRIVVMPAGES", "65536:65536", "65537:65536"},
               {"LOCKEDPAGES", "2048:2048", "2049:2048"},
               {"NUMFLOCK", "206:206", "207:206"}};
  for (const auto& each : cases) {
    const std::string barrier = std::string{each.over}.substr(0, std::string_view{each.over}.find(':'));
    expect(basic(),
           {each.key,
            each.equal,
            each.over,
            {"Error: barrier should be <= limit for " + std::string{find_resource(each.key)->name} + " (currently, " + each.over + ")"},
            ("set to " + barrier + ":" + barrier).c_str(),
            barrier.c_str()});
  }
  // Of those whose gap or limit another rule wants, only this one speaks: a gap below 0 looks huge, as in vzcfgvalidate.
  for (const char* key : {"TCPSNDBUF", "TCPRCVBUF", "OTHERSOCKBUF"}) {
    Parameters over = changed(basic(), key, "3000000:2999999");
    EXPECT_THAT(check(over).said, ElementsAre("Error: barrier should be <= limit for " + std::string{find_resource(key)->name} +
                                              " (currently, 3000000:2999999)"));
  }
  Parameters dcache = changed(basic(), "DCACHESIZE", "3624961:3624960");
  EXPECT_THAT(check(dcache).said, ElementsAre("Error: barrier should be <= limit for dcachesize (currently, 3624961:3624960)"));
}

TEST(Consistency, LimitsThatShouldBeUnlimitedAndTheBarrierThatShouldBeZero) {
  const std::string unlimited = "9223372036854775807";
  for (const char* key : {"VMGUARPAGES", "OOMGUARPAGES"})
    expect(basic(), {key,
                     "20000:unlimited",
                     "20000:9223372036854775806",
                     {"Error: limit should be = " + unlimited + " for " + std::string{find_resource(key)->name} +
                      " (currently, 9223372036854775806)"},
                     "set to 9223372036854775807",
                     "20000:unlimited"});
  expect(basic(), {"PHYSPAGES",
                   "0:unlimited",
                   "0:9",
                   {"Error: limit should be = " + unlimited + " for physpages (currently, 9)"},
                   "set to 9223372036854775807",
                   "0:unlimited"});
  expect(basic(), {"PHYSPAGES",
                   "0:unlimited",
                   "1:unlimited",
                   {"Error: barrier should be = 0 for physpages (currently, 1)"},
                   "set to 0",
                   "0:unlimited"});
}

TEST(Consistency, DcacheHoldsTheFiles) {   // 384 * 9312 = 3575808
  expect(basic(), {"DCACHESIZE",
                   "3409920:3575808",
                   "3409920:3575807",
                   {"Warning: dcachesize.lim should be > 3575808 (currently, 3575807)"},
                   "set to 3575808",
                   "3409920:3575808"});
}

TEST(Consistency, KernelMemoryHoldsTheAverageProcessesAndTheDcache) {   // 40960 * 180 + 3624960 = 10997760
  expect(basic(), {"KMEMSIZE",
                   "10997760:10997770",
                   "10997759:10997770",
                   {"Error: kmemsize.bar should be > 10997760 (currently, 10997759)"},
                   "set to 10997760:10997771",
                   "10997760:10997771"});
  // Without AVNUMPROC it is half of numproc: 40960 * 120 + 3624960 = 8540160.
  Parameters half = basic();
  half.avnumproc.reset();
  expect(half, {"KMEMSIZE",
                "8540160:9000000",
                "8540159:9000000",
                {"Error: kmemsize.bar should be > 8540160 (currently, 8540159)"},
                "set to 8540160:9000001",
                "8540160:9000001"});
}

TEST(Consistency, PrivvmpagesCoversTheGuaranteeAndARepairKeepsItsLimit) {
  expect(basic(), {"PRIVVMPAGES",
                   "33792:50000",
                   "33791:50000",
                   {"Warning: privvmpages.bar should be > 33792 (currently, 33791)"},
                   "set to 33792",
                   "33792:50000"});
  Parameters both = changed(basic(), "PRIVVMPAGES", "1000:2000");
  EXPECT_TRUE(check(both, true).valid);
  EXPECT_EQ(value_of(both, "PRIVVMPAGES"), "33792") << "a limit below the new barrier becomes the barrier";
}

TEST(Consistency, EachSocketHasItsShareBetweenBarrierAndLimit) {   // 2560 * 360 = 921600
  const struct {
    const char *key, *grade;
  } cases[] = {{"TCPSNDBUF", "Error"}, {"OTHERSOCKBUF", "Error"}, {"TCPRCVBUF", "Warning"}};
  for (const auto& each : cases) {
    const std::string name{find_resource(each.key)->name};
    expect(basic(),
           {each.key,
            "200000:1121600",
            "200000:1121599",
            {std::string{each.grade} + ": " + name + ".lim-" + name + ".bar should be > 921600 (currently, 1121599-200000=921599)"},
            "set to 200000:1121600",
            "200000:1121600"});
    Parameters unlimited = changed(basic(), each.key, "unlimited");
    EXPECT_THAT(check(unlimited).said, IsEmpty()) << "an unlimited limit has any gap";
  }
  // TCP's buffers go by numtcpsock, the others by numothersock.
  Parameters tcp = changed(basic(), "NUMTCPSOCK", "361"), other = changed(basic(), "NUMOTHERSOCK", "361");
  tcp = changed(changed(tcp, "TCPSNDBUF", "200000:1121600"), "OTHERSOCKBUF", "200000:1121600");
  EXPECT_THAT(check(tcp).said, ElementsAre("Error: tcpsndbuf.lim-tcpsndbuf.bar should be > 924160 (currently, 1121600-200000=921600)"));
  other = changed(changed(other, "TCPSNDBUF", "200000:1121600"), "OTHERSOCKBUF", "200000:1121600");
  EXPECT_THAT(check(other).said,
              ElementsAre("Error: othersockbuf.lim-othersockbuf.bar should be > 924160 (currently, 1121600-200000=921600)"));
}

TEST(Consistency, BuffersHaveASmallestSize) {
  expect(basic(), {"TCPRCVBUF",
                   "65536:2000000",
                   "65535:2000000",
                   {"Warning: tcprcvbuf.bar should be > 65536 (currently, 65535)"},
                   "set to 65536:2000001",
                   "65536:2000001"});
  expect(basic(), {"TCPSNDBUF",
                   "65536:2000000",
                   "65535:2000000",
                   {"Warning: tcpsndbuf.bar should be > 65536 (currently, 65535)"},
                   "set to 65536:2000001",
                   "65536:2000001"});
}

TEST(Consistency, DatagramBuffersBelow32KAreAWarningBelow129KARecommendation) {
  for (const char* key : {"DGRAMRCVBUF", "OTHERSOCKBUF"}) {
    const std::string name{find_resource(key)->name};
    const bool recommendation_passes = true;
    expect(basic(),
           {key,
            "132096:2000000",
            "132095:2000000",
            {"Recommendation: " + name + ".bar should be > 132096 (currently, 132095)"},
            "set to 132096:2000001",
            "132096:2000001"},
           recommendation_passes);
    Parameters lowest = changed(basic(), key, "32768:2000000");
    EXPECT_THAT(check(lowest).said, ElementsAre("Recommendation: " + name + ".bar should be > 132096 (currently, 32768)"));
    Parameters below = changed(basic(), key, "32767:2000000");
    const Outcome found = check(below);
    EXPECT_FALSE(found.valid);
    EXPECT_THAT(found.said, ElementsAre("Warning: " + name + ".bar should be > 32768 (currently, 32767)"));
    EXPECT_THAT(check(below, true).said,
                ElementsAre("Warning: " + name + ".bar should be > 32768 (currently, 32767)", "set to 32768:2000001"))
        << "one step at a time";
  }
}

TEST(Consistency, FilesCoverAverageProcessesOrTheirSocketsAndTerminals) {   // 32 * 180 = 5760; 360 + 360 + 16 = 736
  expect(basic(), {"NUMFILE", "5760", "5759", {"Warning: numfile should be > 5760 (currently, 5759)"}, "set to 5760:5760", "5760"});
  Parameters idle = changed(basic(), "AVNUMPROC", "22");   // 704
  expect(idle, {"NUMFILE", "736", "735", {"Warning: numfile should be > 736 (currently, 735)"}, "set to 736:736", "736"});
  Parameters busier = changed(basic(), "AVNUMPROC", "24");   // 768
  expect(busier, {"NUMFILE", "768", "767", {"Warning: numfile should be > 768 (currently, 767)"}, "set to 768:768", "768"});
}

TEST(Consistency, DiskNumbersAreCheckedOnlyWithDiskQuota) {
  Parameters parameters = basic();
  parameters.diskspace = pair(10, 9);
  parameters.diskinodes = pair(20, 19);
  EXPECT_THAT(check(parameters).said, IsEmpty());
  parameters.disk_quota = true;
  EXPECT_THAT(check(parameters).said, ElementsAre("Error: barrier should be <= limit for diskspace (currently, 10:9)",
                                                  "Error: barrier should be <= limit for diskinodes (currently, 20:19)"));
  EXPECT_TRUE(check(parameters, true).valid);
  EXPECT_EQ(value_of(parameters, "DISKSPACE"), "10:10") << "always soft:hard";
  parameters.diskspace.reset();
  EXPECT_THAT(check(parameters).said, ElementsAre("Error: parameter diskspace not found"));
}

TEST(Consistency, ARequiredParameterThatIsMissingEndsTheCheckAndCannotBeRepaired) {
  for (const char* key : {"NUMPROC", "NUMTCPSOCK", "NUMOTHERSOCK", "OOMGUARPAGES", "VMGUARPAGES", "KMEMSIZE", "TCPSNDBUF", "TCPRCVBUF",
                          "OTHERSOCKBUF", "DGRAMRCVBUF", "PRIVVMPAGES", "NUMFILE", "DCACHESIZE", "PHYSPAGES", "NUMPTY"}) {
    Parameters parameters = changed(basic(), "NUMSIGINFO", "1:2");
    parameters.beancounters[find_resource(key)->resource].reset();
    const Outcome found = check(parameters, true);
    EXPECT_FALSE(found.valid) << key;
    EXPECT_THAT(found.said, ElementsAre("Error: parameter " + std::string{find_resource(key)->name} + " not found", "")) << key;
  }
  for (const char* key : {"LOCKEDPAGES", "SHMPAGES", "NUMFLOCK", "NUMSIGINFO", "NUMIPTENT"}) {
    Parameters parameters = changed(basic(), "TCPRCVBUF", "1:2000000");   // a later rule
    parameters.beancounters[find_resource(key)->resource].reset();
    const Outcome found = check(parameters, true);
    EXPECT_FALSE(found.valid) << key;
    EXPECT_EQ(found.said.size(), 4U) << key << ": the other rules go on";
    EXPECT_EQ(found.said.front(), "Error: parameter " + std::string{find_resource(key)->name} + " not found");
  }
}

TEST(Consistency, LaterRulesSeeWhatWasRepairedAndOneRefusalFails) {
  Parameters parameters = changed(changed(basic(), "DCACHESIZE", "3000000:3000000"), "KMEMSIZE", "10948608:11000000");
  // The dcache is raised to 3575808, and then 40960 * 180 + 3575808 = 10948608 is there; without the repair 10372800 is enough too.
  EXPECT_THAT(check(parameters, true).said,
              ElementsAre("Warning: dcachesize.lim should be > 3575808 (currently, 3000000)", "set to 3575808"));
  parameters = changed(changed(basic(), "DCACHESIZE", "3000000:3000000"), "KMEMSIZE", "10948607:11000000");
  EXPECT_THAT(check(parameters, true).said,
              ElementsAre("Warning: dcachesize.lim should be > 3575808 (currently, 3000000)", "set to 3575808",
                          "Error: kmemsize.bar should be > 10948608 (currently, 10948607)", "set to 10948608:11000001"));
  parameters = changed(changed(basic(), "NUMPTY", "4:5"), "NUMSIGINFO", "6:7");
  const bool valid = check_classic(parameters, [](const Finding& finding) { return finding.message.contains("numpty"); });
  EXPECT_FALSE(valid);
  EXPECT_EQ(value_of(parameters, "NUMPTY"), "5");
  EXPECT_EQ(value_of(parameters, "NUMSIGINFO"), "6:7");
}

TEST(Consistency, AValueThatSaysNothingIsNamedAndFails) {
  Parameters parameters = changed(basic(), "NUMPTY", "4K");
  const Outcome found = check(parameters);
  EXPECT_FALSE(found.valid);
  EXPECT_THAT(found.said,
              ElementsAre(testing::StartsWith("Error: NUMPTY: Bad parameter for --numpty: 4K"), "Error: parameter numpty not found"));
}

TEST(Consistency, VswapIsCheckedAgainstTheHost) {
  const HostMemory host{1000 * kPageSize + 4095, 3000 * kPageSize, 1};
  const auto outcome = [&](Limits ram, std::optional<Limits> swap, bool repair, Parameters& parameters) {
    parameters.beancounters[UBC_PHYSPAGES] = ram;
    parameters.beancounters[UBC_SWAPPAGES] = swap;
    Outcome result;
    result.valid = check_vswap(parameters, host, [&](const Finding& finding) {
      result.said.push_back(finding.message);
      if (repair) result.said.push_back(finding.proposal);
      return repair;
    });
    return result;
  };
  Parameters parameters;
  EXPECT_TRUE(outcome(pair(0, 1000), pair(0, 3000), false, parameters).valid);
  const Outcome found = outcome(pair(1, 1001), pair(2, 3001), false, parameters);
  EXPECT_FALSE(found.valid);
  EXPECT_THAT(
      found.said,
      ElementsAre("Error: physpages.bar should be = 0 (currently, 1)", "Warning: physpages.lim should be <= 1000 (currently, 1001)",
                  "Error: swappages.bar should be = 0 (currently, 2)", "Warning: swappages.lim should be <= 3000 (currently, 3001)"));
  const Outcome mended = outcome(pair(1, 1001), pair(2, 3001), true, parameters);
  EXPECT_TRUE(mended.valid);
  EXPECT_THAT(mended.said, testing::IsSupersetOf({"set to 0", "set to 1000", "set to 3000"}));
  EXPECT_EQ(parameters.beancounters[UBC_PHYSPAGES], pair(0, 1000));
  EXPECT_EQ(parameters.beancounters[UBC_SWAPPAGES], pair(0, 3000));
  EXPECT_THAT(outcome(pair(0, 10), std::nullopt, true, parameters).said, ElementsAre("Error: parameter swappages not found", ""));
}

TEST(Consistency, AnOverflowIsUnlimitedNotNonsense) {
  Parameters parameters = changed(changed(basic(), "NUMFILE", "unlimited"), "DCACHESIZE", "unlimited");
  EXPECT_THAT(check(parameters).said, ElementsAre("Error: kmemsize.bar should be > 9223372036854775807 (currently, 14372700)"));
}

}  // namespace
}  // namespace ubc::accounting
