// SPDX-License-Identifier: Apache-2.0
// Routed guests: who reaches whom, by which address, live and after a start; what hostile guests and killed commands leave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;

constexpr const char* kHost = "10.77.0.1";
constexpr const char* kHost6 = "fd77::1";

bool succeeds(const std::string& guest, const std::string& command) { return ubctl("exec2 " + guest + " '" + command + "'").status == 0; }
bool reaches(const std::string& guest, const std::string& address, const std::string& more = "") {
  return succeeds(guest, "ping -c1 -W2 " + more + " " + address + " >/dev/null 2>&1");
}
/// Waits less for what shall not come.
bool is_cut_off(const std::string& guest, const std::string& address, const std::string& more = "") {
  return !succeeds(guest, "ping -c1 -W1 " + more + " " + address + " >/dev/null 2>&1");
}
/// All that an HTTP server at `address` answers to who asks from there. (Of a static busybox only nc asks no name service, which would
/// crash it.)
std::string answer_to(const std::string& guest, const std::string& address, const std::string& then, const std::string& path = "/") {
  return ubctl("exec2 " + guest + " 'printf \"GET " + path + " HTTP/1.0\\r\\n\\r\\n\" | nc -w2 " + address + " 80 2>/dev/null | " + then +
               "'")
      .output;
}
/// The page, by its last line.
std::string page_of(const std::string& guest, const std::string& address) { return answer_to(guest, address, "tail -n1"); }
/// Echo requests that the guest has seen.
std::string pings_seen(const std::string& guest) {
  return ubctl("exec2 " + guest +
               " \"awk '/^Icmp: [0-9]/ {print \\$10}' /proc/net/snmp; awk '/Icmp6InEchos/ {print \\$2}' /proc/net/snmp6\"")
      .output;
}
std::string packets_refused(const std::string& guest) {
  const std::string shown = ubctl("show " + guest).output;
  const std::size_t at = shown.find("packets refused: ");
  return at == std::string::npos ? "" : shown.substr(at, shown.find('\n', at) - at);
}
void say_in_host_file(const std::string& text) { std::ofstream{"/etc/ubc/ubc.conf"} << text; }
std::string config_of(const std::string& guest) { return text_of("/etc/ubc/conf/" + guest + ".conf"); }
/// Links, routes and rights to addresses that are there for guests.
std::string left_on_host() {
  return shell(
             "ip -o link | grep -o ' ubc[0-9]*'; ip route show proto 117; ip -6 route show proto 117;"
             "bpftool -j map dump pinned /sys/fs/bpf/ubc-network/addresses-1; bpftool -j map dump pinned /sys/fs/bpf/ubc-network/links-1")
      .output;
}
constexpr const char* kNothing = "[]\n[]\n";

/// 101, 102 and 103, each with an IPv4 and an IPv6 address; 102 and the host serve a page.
class Network : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    need_busybox_template();
    ASSERT_EQ(
        shell("ip link add hostnet type dummy && ip addr add 10.77.0.1/32 dev hostnet && ip addr add fd77::1/128 dev hostnet nodad && "
              "ip link set hostnet up && mkdir -p /run/www && echo host > /run/www/index.html && busybox httpd -h /run/www")
            .status,
        0);
    for (const std::string id : {"101", "102", "103"}) {
      const Ran made = ubctl("create " + id + " --ostemplate busybox --ipadd 10.77.0." + id + " --ipadd fd77::" + id);
      ASSERT_EQ(made.status, 0) << made.output;
      const Ran started = ubctl("start " + id);
      ASSERT_EQ(started.status, 0) << started.output;
    }
    ASSERT_TRUE(succeeds("102", "mkdir -p /www; echo hello > /www/index.html; httpd -h /www"));
  }
  static void TearDownTestSuite() {
    for (const std::string id : {"101", "102", "103"}) {
      EXPECT_EQ(ubctl("stop " + id + " --fast").status, 0);
      EXPECT_EQ(ubctl("destroy " + id).status, 0);
    }
    EXPECT_EQ(left_on_host(), kNothing);
    (void)shell("ip link del hostnet; rm -f /etc/ubc/ubc.conf");
  }
  void TearDown() override {
    if (text_of("/etc/ubc/ubc.conf").empty()) return;
    (void)shell("rm /etc/ubc/ubc.conf");
    EXPECT_EQ(ubctl("set 101 --rate unlimited").status, 0) << "any command on a network brings the host's policy into force";
  }
};

TEST_F(Network, TwoGuestsAndTheHostTalkByIPv4AndIPv6) {
  EXPECT_EQ(page_of("101", "10.77.0.102"), "hello\n");
  EXPECT_EQ(page_of("101", "fd77::102"), "hello\n");
  EXPECT_TRUE(reaches("102", "10.77.0.101"));
  EXPECT_TRUE(reaches("102", "fd77::101"));
  EXPECT_EQ(shell("curl -s -m5 10.77.0.102").output, "hello\n");
  EXPECT_EQ(shell("curl -s -m5 '[fd77::102]'").output, "hello\n");
  EXPECT_TRUE(reaches("101", kHost));
  EXPECT_TRUE(reaches("101", kHost6));
  EXPECT_TRUE(is_cut_off("101", "10.77.0.199"));
  EXPECT_EQ(field("101", "ip"), "10.77.0.101 fd77::101");
  EXPECT_THAT(ubctl("show 101").output, HasSubstr("container 101, running, 10.77.0.101 fd77::101\n"));
}

TEST_F(Network, AGuestThatTakesAnothersAddressIsHeardByNobodyAndTheOwnerKeepsIt) {
  ASSERT_TRUE(succeeds("103", "ip addr add 10.77.0.101/32 dev venet0 && ip -6 addr add fd77::101/128 dev venet0"));
  ASSERT_TRUE(succeeds("103", "ip addr add 192.0.2.7/32 dev venet0"));
  ASSERT_TRUE(reaches("101", "10.77.0.102") && reaches("101", "fd77::102"));
  const std::string before = pings_seen("102");
  EXPECT_EQ(packets_refused("103"), "");
  EXPECT_TRUE(is_cut_off("103", "10.77.0.102", "-I 10.77.0.101"));
  EXPECT_TRUE(is_cut_off("103", "fd77::102", "-I fd77::101"));
  EXPECT_TRUE(is_cut_off("103", "10.77.0.102", "-I 192.0.2.7"));
  EXPECT_EQ(pings_seen("102"), before) << "a packet with another's address arrived";
  EXPECT_EQ(packets_refused("103"), "packets refused: 3 from addresses that are not its own, 0 by the host's policy, 0 over its rate");
  EXPECT_TRUE(reaches("103", "10.77.0.102", "-I 10.77.0.103"));
  EXPECT_TRUE(reaches("103", "fd77::102", "-I fd77::103"));
  EXPECT_NE(pings_seen("102"), before) << "the count does not count";
  EXPECT_TRUE(reaches("102", "10.77.0.101") && reaches("102", "fd77::101"));
  EXPECT_TRUE(succeeds(
      "103", "ip addr del 10.77.0.101/32 dev venet0; ip -6 addr del fd77::101/128 dev venet0; ip addr del 192.0.2.7/32 dev venet0"));
}

TEST_F(Network, TheHostsPolicyKeepsGuestsFromTheHostAndFromEachOther) {
  EXPECT_EQ(page_of("101", kHost), "") << "to the host: not by default";
  EXPECT_EQ(page_of("101", kHost6), "");
  EXPECT_THAT(packets_refused("101"), HasSubstr(" by the host's policy"));
  say_in_host_file("GUEST_TO_HOST=\"yes\"\nGUEST_TO_GUEST=\"no\"\n");
  ASSERT_EQ(ubctl("set 101 --rate unlimited").status, 0);
  EXPECT_EQ(page_of("101", kHost), "host\n");
  EXPECT_EQ(page_of("101", kHost6), "host\n");
  EXPECT_TRUE(is_cut_off("101", "10.77.0.102"));
  EXPECT_TRUE(is_cut_off("102", "fd77::101"));
  say_in_host_file("GUEST_TO_HOST=\"perhaps\"\n");
  EXPECT_EQ(ubctl("set 101 --rate unlimited").output, "/etc/ubc/ubc.conf: GUEST_TO_HOST=\"perhaps\" must be yes or no\n");
  say_in_host_file("GUEST_TO_GUEST=\"yes\"\n");
}

TEST_F(Network, AddressesComeAndGoLiveAndAreSavedOnlyWhereThatIsSaid) {
  const std::string config = config_of("101");
  const Ran added = ubctl("set 101 --ipadd 10.77.0.111 --ipadd fd77::111");
  EXPECT_EQ(added.status, 0) << added.output;
  EXPECT_THAT(added.output, HasSubstr("Adding IP address(es): 10.77.0.111 fd77::111\n"));
  EXPECT_TRUE(reaches("102", "10.77.0.111") && reaches("102", "fd77::111"));
  EXPECT_TRUE(reaches("101", "10.77.0.102", "-I 10.77.0.111"));
  EXPECT_EQ(field("101", "ip"), "10.77.0.101 fd77::101 10.77.0.111 fd77::111");
  EXPECT_EQ(config_of("101"), config);
  EXPECT_EQ(ubctl("set 101 --ipdel 10.77.0.111 --ipdel fd77::111 --ipadd 10.77.0.112 --save").status, 0);
  EXPECT_TRUE(is_cut_off("102", "10.77.0.111"));
  EXPECT_TRUE(is_cut_off("102", "fd77::111"));
  EXPECT_TRUE(reaches("102", "10.77.0.112"));
  EXPECT_THAT(config_of("101"), HasSubstr("IP_ADDRESS=\"10.77.0.101 fd77::101 10.77.0.112\"\n"));
  EXPECT_EQ(ubctl("set 101 --ipdel all").status, 0);
  EXPECT_EQ(field("101", "ip"), "-");
  EXPECT_FALSE(succeeds("101", "ip link show venet0")) << "without an address there is no link";
  EXPECT_EQ(ubctl("restart 101 --fast").status, 0);
  EXPECT_TRUE(reaches("102", "10.77.0.112") && reaches("102", "10.77.0.101") && reaches("101", "fd77::102"));
  EXPECT_EQ(ubctl("set 101 --ipdel 10.77.0.112 --save").status, 0);
}

TEST_F(Network, AGuestThatLostItsLinkGetsItBackWithTheNextAddress) {
  for (const std::string harm : {"ip link del venet0", "ip link set venet0 down; ip link set venet0 name mine"}) {
    EXPECT_TRUE(succeeds("101", harm)) << harm;
    EXPECT_TRUE(is_cut_off("101", "10.77.0.102")) << harm;
    const Ran again = ubctl("set 101 --ipadd 10.77.0.113");
    EXPECT_EQ(again.status, 0) << again.output;
    EXPECT_TRUE(reaches("101", "10.77.0.102") && reaches("101", "fd77::102") && reaches("102", "10.77.0.113")) << harm;
    EXPECT_EQ(ubctl("set 101 --ipdel 10.77.0.113").status, 0);
  }
}

TEST_F(Network, AnAddressThatIsSomebodyElsesOrNoneIsRefusedAndNothingChanges) {
  const std::string config = config_of("101");
  const struct {
    const char* arguments;
    int status;
    const char* says;
  } cases[] = {
      {"set 101 --ipadd 10.77.0.120 --ipadd 10.77.0.102 --save", 78, "address 10.77.0.102 is in use by container 102: choose another"},
      {"set 101 --ipadd 10.77.0.1 --save", 78, "address 10.77.0.1 is the host's own"},
      {"set 101 --ipadd fd77::1 --save", 78, "address fd77::1 is the host's own"},
      {"set 101 --ipadd 10.77.0.0/24 --save", 21, "a guest gets single addresses, /32"},
      {"set 101 --ipadd nonsense --save", 21, "neither IPv4"},
      {"set 101 --ipdel some --save", 21, "neither IPv4"},
      {"set 101 --nameserver ns1 --save", 21, "Bad name server ns1"},
      {"set 101 --searchdomain a;b --save", 21, "letters, digits"},
      {"set 101 --rate fast --save", 21, "Bad rate fast"},
      {"create 105 --ostemplate busybox --ipadd 10.77.0.103", 78, "in use by container 103"},
  };
  for (const auto& each : cases) {
    std::string quoted = each.arguments;
    if (const std::size_t at = quoted.find(';'); at != quoted.npos) quoted.insert(at, "\\");
    const Ran ran = ubctl(quoted);
    EXPECT_EQ(ran.status, each.status) << each.arguments << ": " << ran.output;
    EXPECT_THAT(ran.output, HasSubstr(each.says)) << each.arguments;
  }
  EXPECT_EQ(shell("ip route add 10.77.0.121/32 dev hostnet").status, 0);
  const Ran routed = ubctl("set 101 --ipadd 10.77.0.121 --save");
  EXPECT_EQ(routed.status, 78);
  EXPECT_THAT(routed.output, HasSubstr("address 10.77.0.121: the host has a route to it already"));
  EXPECT_EQ(shell("ip route del 10.77.0.121/32 dev hostnet").status, 0);
  EXPECT_EQ(config_of("101"), config);
  EXPECT_EQ(field("101", "ip"), "10.77.0.101 fd77::101");
  EXPECT_EQ(left_on_host().find("121"), std::string::npos) << "a right to an address that was refused";
  EXPECT_TRUE(reaches("101", "10.77.0.102") && reaches("101", "fd77::102")) << "what was there is there";
}

TEST_F(Network, NamesAreSetLiveAndAtAStartAndAHostileEtcLeadsNowhere) {
  const std::string hosts = text_of("/etc/resolv.conf"), marker = "/run/ubc-marker";
  EXPECT_EQ(ubctl("set 101 --hostname web1").status, 0);
  EXPECT_EQ(ubctl("exec 101 'hostname; cat /etc/hostname'").output, "web1\nweb1\n");
  const std::string written = "nameserver 10.77.0.102\n", command = "set 101 --nameserver 10.77.0.102 --searchdomain example.com";
  const auto says = [&] { return ubctl("exec 101 'test ! -L /etc/resolv.conf && tail -n2 /etc/resolv.conf'").output; };
  const std::vector<std::string> traps = {
      "rm -f /etc/resolv.conf", "ln -sf " + marker + " /etc/resolv.conf", "ln -sf ../../../../.." + marker + " /etc/resolv.conf",
      "ln -sf /proc/1/root/etc/passwd /etc/resolv.conf", "rm -f /etc/resolv.conf; mkfifo /etc/resolv.conf"};
  for (const std::string& trap : traps) {
    ASSERT_TRUE(succeeds("101", trap)) << trap;
    const Ran set = ubctl(command);
    EXPECT_EQ(set.status, 0) << trap << set.output;
    EXPECT_EQ(says(), "search example.com\n" + written) << trap;
  }
  EXPECT_TRUE(succeeds("101", "grep -q ^root /etc/passwd")) << "a link was followed";
  ASSERT_TRUE(succeeds("101", "mv /etc /etc2; ln -s /etc2 /etc; rm -f /etc2/resolv.conf"));
  const Ran refused = ubctl(command + " --save");
  EXPECT_THAT(refused.output, HasSubstr("/etc of the guest is no directory of its own"));
  EXPECT_FALSE(succeeds("101", "test -e /etc2/resolv.conf"));
  EXPECT_EQ(config_of("101").find("NAMESERVER"), std::string::npos);
  ASSERT_TRUE(succeeds("101", "rm /etc; mv /etc2 /etc; mkfifo /etc/resolv.conf"));
  EXPECT_EQ(ubctl(command + " --hostname web2 --save").status, 0);
  ASSERT_TRUE(succeeds("101", "rm /etc/hostname /etc/resolv.conf; mkfifo /etc/hostname; ln -s " + marker + " /etc/resolv.conf"));
  EXPECT_EQ(ubctl("restart 101 --fast").status, 0);
  EXPECT_EQ(ubctl("exec 101 hostname").output, "web2\n");
  EXPECT_EQ(says(), "search example.com\n" + written);
  EXPECT_NE(shell("test -e " + marker).status, 0);
  EXPECT_EQ(text_of("/etc/resolv.conf"), hosts);
}

TEST_F(Network, WhatIsOverTheRateIsRefusedInBothDirectionsAndTheRestArrives) {
  ASSERT_TRUE(succeeds("102", "dd if=/dev/zero of=/www/big bs=64k count=32 2>/dev/null"));
  const auto fetch = [] { return answer_to("101", "10.77.0.102", "tail -c 2097152 | wc -c", "/big"); };   // without the headers
  EXPECT_EQ(ubctl("set 102 --rate unlimited:16M").status, 0);
  EXPECT_THAT(ubctl("show 102").output, HasSubstr("   1.91M/s         - refused\n")) << "16 Mbit are 2,000,000 bytes";
  EXPECT_EQ(fetch(), "2097152\n");
  EXPECT_EQ(packets_refused("102").ends_with(" 0 over its rate"), false) << packets_refused("102");
  EXPECT_EQ(ubctl("set 102 --rate unlimited").status, 0);
  EXPECT_EQ(ubctl("set 101 --rate 16M:unlimited").status, 0);
  EXPECT_EQ(fetch(), "2097152\n");
  EXPECT_EQ(packets_refused("101").ends_with(" 0 over its rate") || packets_refused("101").empty(), false);
  EXPECT_EQ(ubctl("set 101 --rate unlimited").status, 0);
  const std::string before = packets_refused("101");
  EXPECT_EQ(fetch(), "2097152\n");
  EXPECT_EQ(packets_refused("101"), before) << "no rate refuses nothing";
}

TEST_F(Network, UbctlKilledAtAnyStageOfAStartOrAChangeIsMendedByTheNextCommand) {
  const auto talks = [](const std::string& stage) {
    EXPECT_TRUE(reaches("101", "10.77.0.102") && reaches("102", "10.77.0.101") && reaches("101", "fd77::102")) << stage;
  };
  for (const std::string stage : {"network:linked", "network:watched", "network:routed"}) {
    EXPECT_EQ(ubctl("stop 101 --fast").status, 0);
    EXPECT_NE(shell("UBC_FAULT=" + stage + " " + UBCTL + " start 101").status, 0) << stage;
    const Ran again = ubctl("start 101");
    EXPECT_EQ(again.status, 0) << stage << ": " << again.output;
    talks(stage);
  }
  for (const std::string stage : {"network:changing", "network:dropped", "network:added"}) {
    EXPECT_NE(shell("UBC_FAULT=" + stage + " " + UBCTL + " set 101 --ipdel fd77::101 --ipadd 10.77.0.131").status, 0) << stage;
    const Ran again = ubctl("set 101 --ipdel 10.77.0.131 --ipadd fd77::101");
    EXPECT_EQ(again.status, 0) << stage << ": " << again.output;
    talks(stage);
    EXPECT_TRUE(is_cut_off("102", "10.77.0.131")) << stage;
  }
}

TEST_F(Network, AGuestWithoutAnAddressHasNoLinkAndAStopLeavesNone) {
  ASSERT_EQ(ubctl("create 104 --ostemplate busybox").status, 0);
  ASSERT_EQ(ubctl("start 104").status, 0);
  EXPECT_EQ(ubctl("exec 104 'ls /sys/class/net'").output, "lo\n");
  EXPECT_EQ(ubctl("set 104 --ipadd 10.77.0.104").status, 0);
  EXPECT_TRUE(reaches("101", "10.77.0.104"));
  EXPECT_EQ(ubctl("exec 104 'ls /sys/class/net'").output, "lo\nvenet0\n");
  EXPECT_EQ(ubctl("stop 104 --fast").status, 0);
  EXPECT_EQ(left_on_host().find("104"), std::string::npos) << left_on_host();
  EXPECT_EQ(ubctl("destroy 104").status, 0);
}

/// 104 and 105, each with a port of the host's bridge br77 and an address that is the guest's own affair.
class Bridged : public Network {
 protected:
  static void SetUpTestSuite() {
    need_busybox_template();
    ASSERT_EQ(shell("ip link add br77 type bridge && ip addr add 10.78.0.1/24 dev br77 && ip link set br77 up").status, 0);
    for (const std::string id : {"104", "105"}) {
      const Ran made = ubctl("create " + id + " --ostemplate busybox --netif_add eth0,02:00:00:00:01:" + id.substr(1) + ",,,br77");
      ASSERT_EQ(made.status, 0) << made.output;
      start(id);
    }
  }
  static void TearDownTestSuite() {
    for (const std::string id : {"104", "105"}) {
      EXPECT_EQ(ubctl("stop " + id + " --fast").status, 0);
      EXPECT_EQ(ubctl("destroy " + id).status, 0);
    }
    EXPECT_EQ(shell("ls /sys/class/net/br77/brif").output, "");
    EXPECT_EQ(left_on_host(), kNothing);
    (void)shell("ip link del br77; rm -f /etc/ubc/ubc.conf");
  }
  void TearDown() override {}
  /// A new eth0 in the place of that which is there.
  static void replug() {
    for (const std::string id : {"104", "105"}) {
      const Ran set = ubctl("set " + id + " --netif_add eth0,02:00:00:00:01:" + id.substr(1) + ",,,br77");
      ASSERT_EQ(set.status, 0) << set.output;
      ASSERT_TRUE(succeeds(id, "ip addr add 10.78.0." + id + "/24 dev eth0"));
    }
  }
  static void start(const std::string& id) {
    const Ran started = ubctl("start " + id);
    ASSERT_EQ(started.status, 0) << started.output;
    ASSERT_TRUE(succeeds(id, "ip addr add 10.78.0." + id + "/24 dev eth0"));
  }
};

TEST_F(Bridged, GuestsTalkOverTheBridgeAndOnlyFromTheirMac) {
  EXPECT_TRUE(reaches("104", "10.78.0.105") && reaches("105", "10.78.0.104") && reaches("104", "10.78.0.1"));
  EXPECT_EQ(shell("ls /sys/class/net/br77/brif").output, "veth104.0\nveth105.0\n");
  EXPECT_EQ(packets_refused("104"), "");
  ASSERT_TRUE(succeeds("104", "ip link set eth0 down; ip link set eth0 address 02:00:00:00:01:99; ip link set eth0 up"));
  EXPECT_TRUE(is_cut_off("104", "10.78.0.105")) << "it asked who has the address";
  EXPECT_NE(packets_refused("104"), "");
  const std::string before = pings_seen("105");
  ASSERT_TRUE(succeeds("104", "arp -s 10.78.0.105 02:00:00:00:01:05"));
  EXPECT_TRUE(is_cut_off("104", "10.78.0.105"));
  EXPECT_EQ(pings_seen("105"), before) << "a packet from another MAC address arrived";
  ASSERT_TRUE(succeeds("104", "ip link set eth0 down; ip link set eth0 address 02:00:00:00:01:04; ip link set eth0 up"));
  EXPECT_TRUE(reaches("104", "10.78.0.105"));
}

TEST_F(Bridged, PortsComeAndGoLiveAreSavedAndKeptApartByTheHostsPolicy) {
  const std::string config = config_of("105");
  const Ran none = ubctl("set 105 --netif_add eth1,,,,br99 --save");
  EXPECT_EQ(none.status, 21);
  EXPECT_THAT(none.output, HasSubstr("the host has no bridge br99 for eth1"));
  const Ran taken = ubctl("set 105 --netif_add eth1,,br77,,br77 --save");
  EXPECT_THAT(taken.output, HasSubstr("interface br77 of the host is not container 105's"));
  EXPECT_EQ(config_of("105"), config);
  EXPECT_EQ(ubctl("set 105 --netif_add eth1,02:00:00:00:01:51,mine,02:00:00:00:01:52,br77 --save").status, 0);
  EXPECT_THAT(config_of("105"),
              HasSubstr(";ifname=eth1,mac=02:00:00:00:01:51,host_ifname=mine,host_mac=02:00:00:00:01:52,bridge=br77\"\n"));
  EXPECT_EQ(ubctl("exec 105 cat /sys/class/net/eth1/address").output, "02:00:00:00:01:51\n");
  EXPECT_EQ(shell("ls /sys/class/net/br77/brif").output, "mine\nveth104.0\nveth105.0\n");
  say_in_host_file("GUEST_TO_GUEST=\"no\"\n");
  replug();
  EXPECT_TRUE(is_cut_off("104", "10.78.0.105"));
  EXPECT_TRUE(reaches("104", "10.78.0.1"));
  (void)shell("rm /etc/ubc/ubc.conf");
  EXPECT_EQ(ubctl("set 105 --netif_del eth1 --save").status, 0);
  EXPECT_EQ(config_of("105"), config);
  EXPECT_EQ(shell("ls /sys/class/net/br77/brif").output, "veth104.0\nveth105.0\n");
  replug();
  EXPECT_TRUE(reaches("104", "10.78.0.105"));
}

TEST_F(Bridged, UbctlKilledInAStartOrAChangeIsMendedByTheNextCommand) {
  EXPECT_EQ(ubctl("stop 105 --fast").status, 0);
  EXPECT_NE(shell(std::string{"UBC_FAULT=network:bridged "} + UBCTL + " start 105").status, 0);
  start("105");
  EXPECT_NE(shell(std::string{"UBC_FAULT=network:unplugged "} + UBCTL + " set 105 --netif_del eth0").status, 0);
  EXPECT_EQ(ubctl("set 105 --rate unlimited").status, 0);
  EXPECT_EQ(shell("ls /sys/class/net/br77/brif").output, "veth104.0\nveth105.0\n") << "as it was before the change";
  EXPECT_EQ(ubctl("exec 105 'ls /sys/class/net'").output, "eth0\nlo\n");
}

}  // namespace
}  // namespace ubc::test
