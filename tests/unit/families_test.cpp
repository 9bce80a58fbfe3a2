// SPDX-License-Identifier: Apache-2.0
// What Prometheus is shown of a made-up host: every number another one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "exporter/cadvisor_families.h"
#include "exporter/families.h"
#include "exporter/routes.h"
#include "tests/support/made_up_host.h"

namespace ubc::exporter {
namespace {

using test::MadeUpHost;
using test::two_containers;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Reply reply_to(const MadeUpHost& made_up, const Request& request) {
  const auto books = [&](const CollectorSet& wanted, Exposition& out) {
    HostReading host = made_up.host;
    host.collected = wanted;
    write_families(host, made_up.own, out);
  };
  const std::vector<std::string> fleet = {"10.0.0.5:9641", "[::1]:9641"};
  const auto cadvisor = [&](Exposition& out) {
    if (!made_up.host.collected.has(Collector::cadvisor)) return false;
    write_cadvisor(made_up.host, "/c", out);
    return true;
  };
  return answer(request, Served{books, cadvisor, fleet});
}
std::string metrics(const MadeUpHost& made_up) { return reply_to(made_up, {"/metrics", "", {}}).body; }

TEST(Families, ItemsAreAsTheyAreAndPagesBecomeBytes) {
  const std::string text = metrics(two_containers());
  for (const char* line : {
           "\nubc_held_items{ctid=\"101\",resource=\"numproc\"} 11\n",
           "\nubc_maxheld_items{ctid=\"101\",resource=\"numproc\"} 12\n",
           "\nubc_barrier_items{ctid=\"101\",resource=\"numproc\"} 13\n",
           "\nubc_limit_items{ctid=\"101\",resource=\"numproc\"} 14\n",
           "\nubc_failures_total{ctid=\"101\",resource=\"numproc\"} 15\n",
           "\nubc_held_bytes{ctid=\"101\",resource=\"privvmpages\"} 8192\n",
           "\nubc_maxheld_bytes{ctid=\"101\",resource=\"privvmpages\"} 12288\n",
           "\nubc_barrier_bytes{ctid=\"101\",resource=\"privvmpages\"} 16384\n",
           "\nubc_failures_total{ctid=\"101\",resource=\"privvmpages\"} 6\n",
           "\nubc_held_bytes{ctid=\"101\",resource=\"kmemsize\"} 4097\n",
       })
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(Families, WhatIsUnlimitedHasNoSeries) {
  const std::string text = metrics(two_containers());
  EXPECT_THAT(text, Not(HasSubstr("ubc_limit_bytes{ctid=\"101\",resource=\"privvmpages\"}")));
  EXPECT_THAT(text, HasSubstr("ubc_held_items{ctid=\"101\",resource=\"numfile\"} 0\n")) << "nothing held is a number";
}

TEST(Families, WithoutHooksOnlyTheMemoryControllersNumbersAreShown) {
  const std::string text = metrics(two_containers());
  EXPECT_THAT(text, HasSubstr("ubc_held_bytes{ctid=\"2000000007\",resource=\"physpages\"} 20480\n"));
  EXPECT_THAT(text, Not(HasSubstr("ubc_held_items{ctid=\"2000000007\"")));
  EXPECT_THAT(text, Not(HasSubstr("ubc_failures_total{ctid=\"2000000007\",resource=\"numproc\"}")));
  EXPECT_THAT(text, HasSubstr("\nubc_hooks_attached 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("ubc_losses_total")));
}

TEST(Families, ANameIsALabelOfTheInfoSeriesAloneAndEscaped) {
  const std::string text = metrics(two_containers());
  EXPECT_THAT(text, HasSubstr("\nubc_container_info{ctid=\"101\",name=\"web\",mode=\"vswap\",kind=\"guest\",hostname=\"www.example.com\","
                              "ostemplate=\"busybox\",group=\"shops\",cgroup=\"/c/101\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("ctid=\"2000000007\",name=\"po\\\"d\\\\x0a\",mode=\"classic\",kind=\"adopted\""));
  EXPECT_THAT(text, HasSubstr("\nubc_container_start_time_seconds{ctid=\"101\"} 1700000001\n"));
  EXPECT_THAT(text, Not(HasSubstr("ubc_container_start_time_seconds{ctid=\"2000000007\"}")));
}

TEST(Families, EveryLossOfTheHooksHasItsReason) {
  const std::string text = metrics(test::full_host());
  EXPECT_THAT(text, HasSubstr("\nubc_hooks_attached 1\n"));
  EXPECT_THAT(text, HasSubstr("\nubc_losses_total{reason=\"object_table_full\"} 100\n"));
  EXPECT_THAT(text, HasSubstr("\nubc_losses_total{reason=\"refusal_not_logged\"} 102\n"));
  EXPECT_THAT(text, HasSubstr("\nubc_losses_total{reason=\"cgroup_unmapped\"} 107\n"));
  EXPECT_THAT(text, HasSubstr("\nubc_overflow_records 9\n"));
  EXPECT_THAT(text, HasSubstr("\nubc_bpf_program_missed_total{program=\"charge_numproc\"} 31\n"));
  EXPECT_THAT(text, HasSubstr("\nubc_bpf_program_runs_total{program=\"charge_numproc\"} 8\n"));
  EXPECT_THAT(text, HasSubstr("\nubc_bpf_program_seconds_total{program=\"charge_numproc\"} 2.5e-06\n"));
  EXPECT_THAT(text, HasSubstr("\nubc_bpf_unaudited_misses 5\n")) << "35 were skipped, 30 of them audited";
  EXPECT_THAT(text, HasSubstr("\nubc_events_total{type=\"refusal\"} 61\n"));
}

TEST(Families, WhatTheLastAuditFoundAndHowOftenABarrierWasCrossedAreThere) {
  const std::string text = metrics(test::full_host());
  for (const char* line : {
           "\nubc_ledger_drift_items{resource=\"numproc\"} -2\n",
           "\nubc_ledger_drift_bytes{resource=\"privvmpages\"} 4096\n",
           "\nubc_ledger_missed_items{resource=\"numproc\"} 3\n",
           "\nubc_ledger_missed_bytes{resource=\"privvmpages\"} 0\n",
           "\nubc_audit_last_run_timestamp_seconds 1700000055.5\n",
           "\nubc_audit_duration_seconds 0.375\n",
           "\nubc_barrier_crossings_total{ctid=\"101\",resource=\"numproc\"} 1\n",
           "\nubc_barrier_crossings_total{ctid=\"101\",resource=\"privvmpages\"} 0\n",
       })
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_THAT(text, Not(HasSubstr("ubc_barrier_crossings_total{ctid=\"101\",resource=\"kmemsize\"}"))) << "it has no barrier";
  EXPECT_THAT(metrics(two_containers()), Not(HasSubstr("ubc_ledger_drift"))) << "there was no audit";
}

TEST(Families, CAdvisorsNamesAreServedWhereThatIsOn) {
  MadeUpHost made_up = test::full_host();
  made_up.host.running[0].usage.memory = {.anonymous = 91, .file = 92, .inactive_file = 93};
  made_up.host.running[0].counters.of(UBC_PHYSPAGES) = {.held = 5, .maxheld = 6, .barrier = 0, .limit = 7, .failcnt = 8};
  const std::string text = reply_to(made_up, {"/metrics/cadvisor", "", {}}).body;
  const std::string web = "{id=\"/101\",name=\"web\",image=\"busybox\"";
  for (const std::string& line : {
           "\ncontainer_cpu_usage_seconds_total" + web + ",cpu=\"total\"} 3.75\n",
           "\ncontainer_cpu_cfs_throttled_periods_total" + web + "} 17\n",
           "\ncontainer_spec_cpu_quota" + web + "} 125000\n",
           "\ncontainer_memory_usage_bytes" + web + "} 20480\n",
           "\ncontainer_memory_working_set_bytes" + web + "} 20387\n",
           "\ncontainer_memory_rss" + web + "} 91\n",
           "\ncontainer_memory_cache" + web + "} 92\n",
           "\ncontainer_memory_max_usage_bytes" + web + "} 24576\n",
           "\ncontainer_memory_failcnt" + web + "} 8\n",
           "\ncontainer_spec_memory_limit_bytes" + web + "} 28672\n",
           "\ncontainer_threads" + web + "} 11\n",
           "\ncontainer_threads_max" + web + "} 14\n",
           "\ncontainer_fs_writes_bytes_total" + web + ",device=\"8:0\"} 42\n",
           "\ncontainer_fs_limit_bytes" + web + "} 2097152\n",
           "\ncontainer_network_receive_bytes_total" + web + ",interface=\"eth0\"} 51\n",
           "\ncontainer_network_transmit_packets_dropped_total" + web + ",interface=\"eth0\"} 58\n",
           std::string{"\ncontainer_spec_memory_limit_bytes{id=\"\",name=\"po\\\"d\\\\x0a\",image=\"adopted\"} 0\n"},
       })
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_THAT(text, Not(HasSubstr("container_threads{id=\"\""))) << "no hooks count it";
  EXPECT_THAT(text, Not(HasSubstr("ubc_")));
  EXPECT_EQ(reply_to(made_up, {"/metrics/cadvisor", "name[]=container_memory_rss", {}}).body.find("container_cpu"), std::string::npos);
  made_up.host.collected.set(Collector::cadvisor, false);
  const Reply off = reply_to(made_up, {"/metrics/cadvisor", "", {}});
  EXPECT_EQ(off.status, 404U);
  EXPECT_EQ(off.body, "this ubcd was started without it: --collector.cadvisor\n");
}

TEST(Families, TheHostAndUbcdItselfAreThere) {
  const std::string text = metrics(two_containers());
  EXPECT_THAT(
      text,
      HasSubstr("\nubc_containers{state=\"running\"} 1\nubc_containers{state=\"suspended\"} 1\nubc_containers{state=\"stopped\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("\nubc_collector_duration_seconds{collector=\"host\"} 0.5\n"));
  EXPECT_THAT(text, HasSubstr("kernel=\"6.12.1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE process_cpu_seconds_total counter\n"));
}

TEST(Families, EveryUseOfTheHostByAContainerIsInBaseUnits) {
  const std::string text = metrics(two_containers());
  for (const char* line : {
           "\nubc_last_failure_timestamp_seconds{ctid=\"101\",resource=\"numproc\"} 1700000099.125\n",
           "\nubc_cpu_seconds_total{ctid=\"101\",mode=\"user\"} 1.5\n",
           "\nubc_cpu_seconds_total{ctid=\"101\",mode=\"system\"} 2.25\n",
           "\nubc_cpu_throttled_seconds_total{ctid=\"101\"} 3.5\n",
           "\nubc_cpu_throttled_periods_total{ctid=\"101\"} 17\n",
           "\nubc_cpu_periods_total{ctid=\"101\"} 50\n",
           "\nubc_cpu_weight{ctid=\"101\"} 79\n",
           "\nubc_cpu_limit_cores{ctid=\"101\"} 1.25\n",
           "\nubc_memory_events_total{ctid=\"101\",event=\"high\"} 31\n",
           "\nubc_memory_events_total{ctid=\"101\",event=\"oom_kill\"} 32\n",
           "\nubc_pressure_waiting_seconds_total{ctid=\"101\",resource=\"cpu\"} 4.5\n",
           "\nubc_pressure_waiting_seconds_total{ctid=\"101\",resource=\"memory\"} 5.5\n",
           "\nubc_pressure_stalled_seconds_total{ctid=\"101\",resource=\"memory\"} 0.75\n",
           "\nubc_io_read_bytes_total{ctid=\"101\",device=\"8:0\"} 41\n",
           "\nubc_io_written_bytes_total{ctid=\"101\",device=\"8:0\"} 42\n",
           "\nubc_io_reads_total{ctid=\"101\",device=\"8:0\"} 43\n",
           "\nubc_io_writes_total{ctid=\"101\",device=\"8:0\"} 44\n",
           "\nubc_disk_used_bytes{ctid=\"101\"} 61440\n",
           "\nubc_disk_limit_bytes{ctid=\"101\",limit=\"soft\"} 1048576\n",
           "\nubc_disk_limit_bytes{ctid=\"101\",limit=\"hard\"} 2097152\n",
           "\nubc_disk_used_inodes{ctid=\"101\"} 62\n",
           "\nubc_disk_limit_inodes{ctid=\"101\",limit=\"hard\"} 110\n",
           "\nubc_network_refused_packets_total{ctid=\"101\",reason=\"spoofed\"} 71\n",
           "\nubc_network_refused_packets_total{ctid=\"101\",reason=\"policy\"} 72\n",
           "\nubc_network_refused_packets_total{ctid=\"101\",reason=\"rate\"} 73\n",
           "\nubc_network_receive_bytes_total{ctid=\"101\",device=\"eth0\"} 51\n",
           "\nubc_network_receive_packets_total{ctid=\"101\",device=\"eth0\"} 52\n",
           "\nubc_network_receive_errors_total{ctid=\"101\",device=\"eth0\"} 53\n",
           "\nubc_network_receive_drop_total{ctid=\"101\",device=\"eth0\"} 54\n",
           "\nubc_network_transmit_bytes_total{ctid=\"101\",device=\"eth0\"} 55\n",
           "\nubc_network_transmit_packets_total{ctid=\"101\",device=\"eth0\"} 56\n",
           "\nubc_network_transmit_errors_total{ctid=\"101\",device=\"eth0\"} 57\n",
           "\nubc_network_transmit_drop_total{ctid=\"101\",device=\"eth0\"} 58\n",
           "\nubc_host_memory_bytes 8192000\n",
           "\nubc_host_swap_bytes 4096000\n",
           "\nubc_host_cpus 6\n",
           "\nubc_host_pressure_waiting_seconds_total{resource=\"io\"} 6.5\n",
           "\nubc_host_pressure_stalled_seconds_total{resource=\"io\"} 0.25\n",
           "\nubc_config_last_reload_successful 1\n",
           "\nubc_config_last_reload_timestamp_seconds 1700000077\n",
       })
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(Families, WhatTheKernelDoesNotSayHasNoSeries) {
  const std::string text = metrics(two_containers());
  EXPECT_THAT(text, Not(HasSubstr("ubc_pressure_stalled_seconds_total{ctid=\"101\",resource=\"cpu\"}")));
  for (const char* family : {"ubc_cpu_seconds_total", "ubc_cpu_limit_cores", "ubc_last_failure_timestamp_seconds"})
    EXPECT_THAT(text, Not(HasSubstr(std::string{family} + "{ctid=\"2000000007\""))) << family;
  EXPECT_THAT(text, Not(HasSubstr("ubc_host_capability"))) << "not learnt";
}

TEST(Families, AStoppedContainerHasItsStateAndNothingElse) {
  const std::string text = metrics(two_containers());
  for (const char* line :
       {"\nubc_container_state{ctid=\"101\",state=\"running\"} 1\n", "\nubc_container_state{ctid=\"101\",state=\"stopped\"} 0\n",
        "\nubc_container_state{ctid=\"2000000007\",state=\"suspended\"} 1\n",
        "\nubc_container_state{ctid=\"2000000007\",state=\"running\"} 0\n", "\nubc_container_state{ctid=\"102\",state=\"stopped\"} 1\n"})
    EXPECT_THAT(text, HasSubstr(line));
  std::size_t of_102 = 0;
  for (std::size_t at = 0; (at = text.find("ctid=\"102\"", at)) != std::string::npos; ++at) ++of_102;
  EXPECT_EQ(of_102, 3U);
}

TEST(Families, TheCommitmentIsAShareOfTheHostAndAbsentWhereItIsUnlimited) {
  const std::string text = metrics(two_containers());
  // privvmpages 2 and physpages 5 of 4096 bytes, of 8192000 and 4096000 bytes; kmemsize 4097 of low memory, which is 0.4 of all.
  EXPECT_THAT(text, HasSubstr("\nubc_host_commitment_ratio{commitment=\"ram_utilization\"} 0.0"));
  EXPECT_THAT(text, Not(HasSubstr("commitment=\"lowmem_commitment\""))) << "kmemsize has no limit";
}

TEST(Families, WhatTheHostCanIsWhatFeaturesSays) {
  const std::string text = metrics(test::full_host());
  for (const char* line :
       {"\nubc_host_capability{feature=\"kprobe\"} 1\n", "\nubc_host_capability{feature=\"fmod_ret\"} 0\n",
        "\nubc_host_capability{feature=\"enforce\"} 0\n", "\nubc_host_capability{feature=\"memory_controller\"} 1\n",
        "\nubc_host_capability{feature=\"preemptible\"} 0\n", "\nubc_resource_mode{resource=\"physpages\",mode=\"kernel\"} 1\n",
        "\nubc_resource_mode{resource=\"numiptent\",mode=\"off\"} 1\n"})
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(Routes, OnlyTheMetricsAndTheFleetAreThere) {
  EXPECT_EQ(reply_to(two_containers(), {"/metrics", "", {}}).content_type, "text/plain; version=0.0.4; charset=utf-8");
  for (const char* path : {"/", "/metrics/", "/etc/passwd", "", "*"})
    EXPECT_EQ(reply_to(two_containers(), {path, "", {}}).status, 404U) << path;
}

TEST(Routes, TheFleetIsToldAsPrometheusTakesIt) {
  const Reply reply = reply_to(two_containers(), {"/sd", "", {}});
  EXPECT_EQ(reply.content_type, "application/json");
  EXPECT_EQ(reply.body, "[{\"labels\":{},\"targets\":[\"10.0.0.5:9641\",\"[::1]:9641\"]}]\n");
  EXPECT_EQ(answer({"/sd", "", {}}, {{}, {}, {}}).body, "[]\n");
}

TEST(Routes, AClientGetsTheFormatAndTheCodingThatItLikes) {
  const Reply reply =
      reply_to(two_containers(), {"/metrics", "", {{"accept", "application/openmetrics-text"}, {"accept-encoding", "gzip"}}});
  EXPECT_EQ(reply.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_EQ(reply.headers.at("Content-Encoding"), "gzip");
  EXPECT_EQ(reply.headers.at("Vary"), "Accept, Accept-Encoding");
  EXPECT_THAT(reply.body, StartsWith("\x1f\x8b"));
  const Reply plain = reply_to(two_containers(), {"/metrics", "", {{"accept-encoding", "gzip;q=0"}}});
  EXPECT_FALSE(plain.headers.contains("Content-Encoding"));
  EXPECT_THAT(plain.body, StartsWith("# HELP ubc_container_info "));
  EXPECT_FALSE(
      reply_to(two_containers(), {"/metrics", "name[]=ubc_containers", {{"accept-encoding", "gzip"}}}).headers.contains("Content-Encoding"))
      << "what is one packet anyway is not packed";
}

TEST(Routes, AQueryChoosesFamiliesAndCollectors) {
  EXPECT_EQ(reply_to(two_containers(), {"/metrics", "name[]=ubc_hooks_attached&name%5B%5D=ubc_overflow_records", {}}).body,
            "# HELP ubc_hooks_attached 1: hooks count and refuse on this host\n# TYPE ubc_hooks_attached gauge\nubc_hooks_attached 0\n");
  const std::string some = reply_to(two_containers(), {"/metrics", "collect[]=hooks", {}}).body;
  EXPECT_THAT(some, HasSubstr("\nubc_hooks_attached 0\n"));
  EXPECT_THAT(some, Not(HasSubstr("ubc_held_items")));
  EXPECT_THAT(some, Not(HasSubstr("process_cpu")));
  EXPECT_EQ(reply_to(two_containers(), {"/metrics", "name[]=ubc_nothing", {}}).body, "");
}

TEST(Routes, AQueryThatMakesNoSenseIsRefused) {
  const Reply unknown = reply_to(two_containers(), {"/metrics", "collect[]=%0a", {}});
  EXPECT_EQ(unknown.status, 400U);
  EXPECT_EQ(unknown.body, "collect \\x0a: there is no such collector: see ubcd --help\n");
  EXPECT_EQ(reply_to(two_containers(), {"/metrics", "name[]=%", {}}).status, 400U);
}

}  // namespace
}  // namespace ubc::exporter
