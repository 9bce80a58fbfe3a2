// SPDX-License-Identifier: Apache-2.0
// ubctl fleet on replies as a Prometheus server gives them.
#include "cli/fleet_answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace ubc::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double kGiB = 1024.0 * 1024 * 1024;

/// {"status":"success",...} with one element for each: its labels, its value.
std::string reply(const std::vector<std::pair<std::string, std::string>>& elements) {
  std::string text = R"({"status":"success","data":{"resultType":"vector","result":[)";
  for (const auto& [labels, value] : elements)
    text += (text.ends_with('[') ? "" : ",") + std::string{R"({"metric":{)"} + labels + R"(},"value":[1764320400.5,")" + value + R"("]})";
  return text + "]}}";
}

/// Answers with the reply of the first pair whose key the query begins with; else with nothing.
Ask recorded(const std::vector<std::pair<std::string, std::string>>& replies) {
  return [replies](const std::string& promql) -> Result<std::vector<Series>> {
    for (const auto& [key, text] : replies)
      if (promql.starts_with(key)) return parse_reply(text);
    return parse_reply(reply({}));
  };
}

FleetHost host(const std::string& name, double ram_room, double process_room) {
  FleetHost made;
  made.instance = name;
  made.up = made.enforces = true;
  made.ram = 64 * kGiB;
  made.ram_room = ram_room * kGiB;
  made.processes = 524288;
  made.process_room = process_room;
  return made;
}

std::vector<std::string> names(const std::vector<FleetHost>& hosts) {
  std::vector<std::string> all;
  for (const FleetHost& each : hosts) all.push_back(each.instance);
  return all;
}

TEST(FleetReply, IsAVectorOfSeries) {
  const auto series = parse_reply(reply({{R"("instance":"a:9641","ctid":"101")", "7.5"}, {R"("instance":"b:9641")", "NaN"}}));
  ASSERT_TRUE(series);
  ASSERT_EQ(series->size(), 1U) << "what is not a number is left out";
  EXPECT_EQ(series->front().labels.at("ctid"), "101");
  EXPECT_EQ(series->front().value, 7.5);
}

TEST(FleetReply, SaysWhatPrometheusRefused) {
  const auto refused = parse_reply(R"({"status":"error","errorType":"bad_data","error":"invalid \"query\"\u001b[2J"})");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::bad_value);
  EXPECT_EQ(refused.error().message, "Prometheus refused the query: invalid \"query\"\\x1b[2J");
}

TEST(FleetReply, OfSomebodyElseIsToldApart) {
  for (const char* text : {"", "<html>404</html>", "[]", "{}", R"({"status":"success"})", R"({"status":"success","data":{"result":7}})",
                           R"({"status":"success","data":{"result":[{"metric":{},"value":[1]}]}})",
                           R"({"status":"success","data":{"result":[{"metric":{},"value":[1,"x"]}]}})",
                           R"({"status":"success","data":{"result":[{"metric":{"a":1},"value":[1,"1"]}]}})"}) {
    const auto parsed = parse_reply(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::corrupt) << text;
  }
}

TEST(FleetHosts, AreJoinedFromTheirQueries) {
  const std::string a = R"("instance":"a:9641")", b = R"("instance":"b:9641")";
  const auto hosts = ask_hosts(recorded({{"max by (instance) (up and", reply({{b, "0"}, {a, "1"}})},
                                         {"max by (instance) (ubc_host_capability", reply({{a, "1"}, {R"("instance":"other")", "1"}})},
                                         {"sum by (instance) (ubc_containers", reply({{a, "12"}})},
                                         {"max by (instance) (ubc_host_memory_bytes) -", reply({{a, "-1073741824"}})},
                                         {"max by (instance) (ubc_host_memory_bytes)", reply({{a, "68719476736"}})},
                                         {"(max by (instance) (ubc_host_memory_bytes) / 131072) -", reply({{a, "500000"}})},
                                         {"(max by (instance) (ubc_host_memory_bytes) / 131072)", reply({{a, "524288"}})}}));
  ASSERT_TRUE(hosts);
  EXPECT_EQ(table_of(*hosts),
            "HOST                             STATE      RUNNING REFUSED/1H       RAM  RAM_ROOM PROC_ROOM\n"
            "a:9641                           up              12          0       64G       -1G    500000\n"
            "b:9641                           down             -          -         -         -         -\n");
  EXPECT_EQ(json_of(*hosts)[0].dump(), R"({"host":"a:9641","up":true,"enforces":true,"running":12,"refused_1h":0,"ram_bytes":68719476736,)"
                                       R"("ram_room_bytes":-1073741824,"processes":524288,"process_room":500000})");
  EXPECT_TRUE(json_of(*hosts)[1]["ram_bytes"].is_null());
}

TEST(FleetHosts, AFailedQueryFailsThemAll) {
  const auto hosts = ask_hosts([](const std::string& promql) -> Result<std::vector<Series>> {
    if (promql.starts_with("sum")) return os::error(Code::system, "no route");
    return parse_reply(reply({}));
  });
  ASSERT_FALSE(hosts);
  EXPECT_EQ(hosts.error().message, "no route");
}

TEST(FleetRefusals, HaveTheContainersNameAndComeMostRefusedFirst) {
  const Ask answers = recorded({{"ubc_container_info", reply({{R"("instance":"a","ctid":"101","name":"we\u001bb")", "1"}})},
                                {"topk(2, sum by (instance, ctid, resource) (increase(ubc_failures_total[7d])) > 0)",
                                 reply({{R"("instance":"b","ctid":"101","resource":"numfile")", "3"},
                                        {R"("instance":"a","ctid":"101","resource":"numproc")", "41.6"}})}});
  const auto refusals = ask_refusals(answers, "7d", 2);
  ASSERT_TRUE(refusals);
  EXPECT_EQ(table_of(*refusals),
            "HOST                                   CTID NAME                 RESOURCE         REFUSED\n"
            "a                                       101 we\\x1bb              numproc               42\n"
            "b                                       101                      numfile                3\n");
}

TEST(FleetRefusals, TheWindowIsATime) {
  for (const char* fine : {"30m", "1h", "7d", "9999s"}) EXPECT_TRUE(check_window(fine)) << fine;
  for (const char* wrong : {"", "h", "0h", "10", "10000s", "1hh", "1h])", "-1h", "1 h", "1y"}) EXPECT_FALSE(check_window(wrong)) << wrong;
  EXPECT_EQ(ask_refusals(recorded({}), "1h]", 5).error().message, "--over 1h]: a time like 30m, 1h or 7d");
}

TEST(FleetPlaces, AreThoseThatTakeTheGuestAndTheFreestComesFirst) {
  const std::vector<FleetHost> hosts{host("tight", 2, 1000), host("wide", 32, 400000), host("many-processes", 48, 2000),
                                     host("full", 1, 9000)};
  const GuestSize guest{.numproc = 1000, .ram_bytes = static_cast<std::uint64_t>(2 * kGiB)};
  EXPECT_THAT(names(places_for(guest, hosts)), ElementsAre("wide", "many-processes", "tight")) << "tight: exactly as much as it takes";
  EXPECT_THAT(names(places_for({.numproc = 1001, .ram_bytes = guest.ram_bytes}, hosts)), ElementsAre("wide", "many-processes"));
  EXPECT_THAT(names(places_for({.numproc = 1, .ram_bytes = guest.ram_bytes + 1}, hosts)), ElementsAre("wide", "many-processes"));
  EXPECT_THAT(places_for({.numproc = 1, .ram_bytes = static_cast<std::uint64_t>(49 * kGiB)}, hosts), IsEmpty());
}

TEST(FleetPlaces, NeverAHostThatIsDownOrOnlyCountsOrOfWhichNothingIsKnown) {
  FleetHost down = host("down", 32, 9000), counts = host("counts", 32, 9000), unknown = host("unknown", 32, 9000);
  down.up = false;
  counts.enforces = false;
  unknown.process_room = std::nullopt;
  EXPECT_THAT(places_for({.numproc = 1, .ram_bytes = 1}, {down, counts, unknown}), IsEmpty());
  EXPECT_THAT(table_of(std::vector{counts}), HasSubstr("counts                           counts "));
}

}  // namespace
}  // namespace ubc::cli
