// SPDX-License-Identifier: Apache-2.0
// NETIF and --netif_add, as vzctl writes them.
#include <gtest/gtest.h>

#include <string>

#include "container/bridged_link.h"
#include "os/mac_address.h"

namespace ubc::container {
namespace {

constexpr const char* kTwo =
    "ifname=eth0,mac=02:00:00:00:00:01,host_ifname=veth101.0,host_mac=02:00:00:00:00:02,bridge=br0;"
    "ifname=eth1,mac=02:00:00:00:00:03,host_ifname=veth101.1,host_mac=02:00:00:00:00:04,bridge=br1,mac_filter=off";

std::string refusal_of(const std::string& text) {
  const auto links = parse_links(text);
  return links ? "none" : links.error().message;
}

TEST(BridgedLinks, AreReadAndWrittenAsAConfigurationHasThem) {
  const auto links = parse_links(kTwo);
  ASSERT_TRUE(links) << links.error().message;
  ASSERT_EQ(links->size(), 2U);
  const BridgedLink& second = (*links)[1];
  EXPECT_EQ(second.name, "eth1");
  EXPECT_EQ(os::text_of(second.mac), "02:00:00:00:00:03");
  EXPECT_EQ(second.host_name, "veth101.1");
  EXPECT_EQ(os::text_of(second.host_mac), "02:00:00:00:00:04");
  EXPECT_EQ(second.bridge, "br1");
  EXPECT_FALSE(second.mac_filter);
  EXPECT_TRUE((*links)[0].mac_filter);
  EXPECT_EQ(text_of(*links), kTwo);
  EXPECT_TRUE(parse_links("").value().empty());
  EXPECT_EQ(refusal_of("ifname=eth0,bridge=br0"),
            "Bad network interface ifname=eth0,bridge=br0: it needs ifname, mac, host_ifname, host_mac and bridge");
  EXPECT_EQ(
      refusal_of("ifname=eth0,color=red"),
      "Bad network interface ifname=eth0,color=red: color=red is none of ifname, mac, host_ifname, host_mac, bridge, mac_filter=on|off");
  EXPECT_EQ(
      refusal_of("mac_filter=maybe"),
      "Bad network interface mac_filter=maybe: mac_filter=maybe is none of ifname, mac, host_ifname, host_mac, bridge, mac_filter=on|off");
}

TEST(BridgedLinks, AreAddedByNameWithWhatIsLeftEmptyMadeUp) {
  const auto whole = parse_netif("eth0,02:00:00:00:00:01,mine,02:00:00:00:00:02,br0");
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(text_of(BridgedLinks{*whole}), "ifname=eth0,mac=02:00:00:00:00:01,host_ifname=mine,host_mac=02:00:00:00:00:02,bridge=br0");
  const auto least = parse_netif("eth12,,,,br0"), other = parse_netif("eth12,,,,br0");
  ASSERT_TRUE(least && other);
  EXPECT_EQ(least->host_name, "");
  EXPECT_EQ(least->mac[0] & 3, 2) << "locally administered, of one station";
  EXPECT_NE(least->mac, other->mac);
  EXPECT_NE(least->mac, least->host_mac);
  EXPECT_EQ(default_host_name("eth12", 101), "veth101.12");
  EXPECT_EQ(default_host_name("lan", 101), "veth101.0");
  EXPECT_EQ(default_host_name("eth0", 123456789), "veth123456789.0");
  EXPECT_EQ(default_host_name("eth0", 1234567890), "v1234567890.0");
  for (const std::string wrong :
       {"", "eth0", "eth0,,,", "eth0,,,,", "eth0,,,,br0,more", "lo,,,,br0", "venet0,,,,br0", "../x,,,,br0", "eth0,,a b,,br0",
        "eth0,01:00:00:00:00:01,,,br0", "eth0,02:00:00:00:00,,,br0", "abcdefghijklmnop,,,,br0", "eth0,,,,abcdefghijklmnop"})
    EXPECT_FALSE(parse_netif(wrong)) << wrong;
  EXPECT_TRUE(parse_netif("abcdefghijklmno,,,,abcdefghijklmno"));
}

TEST(BridgedLinks, AreChangedByDroppingFirstAndOneOfANameReplacesIt) {
  const BridgedLinks now = parse_links(kTwo).value();
  BridgedLink fresh = now[0];
  fresh.bridge = "br7";
  const BridgedLinks replaced = changed(now, {.drop_all = false, .drop = {}, .add = {fresh}});
  ASSERT_EQ(replaced.size(), 2U);
  EXPECT_EQ(replaced[0].name, "eth1");
  EXPECT_EQ(replaced[1].bridge, "br7");
  EXPECT_EQ(changed(now, {.drop_all = false, .drop = {"eth0", "eth9"}, .add = {}}), (BridgedLinks{now[1]}));
  EXPECT_EQ(changed(now, {.drop_all = true, .drop = {}, .add = {fresh}}), (BridgedLinks{fresh}));
}

TEST(MacAddress, IsSixBytesOfOneStation) {
  const auto reads = [](const std::string& text) { return os::parse_mac(text) ? os::text_of(*os::parse_mac(text)) : "none"; };
  EXPECT_EQ(reads("00:18:51:AB:cd:ef"), "00:18:51:ab:cd:ef");
  for (const std::string wrong : {"00:00:00:00:00:00", "01:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "02-00-00-00-00-01", "02:00:00:00:00:0g",
                                  "2:0:0:0:0:1", "02:00:00:00:00:01:", "+2:00:00:00:00:01"})
    EXPECT_EQ(reads(wrong), "none") << wrong;
}

}  // namespace
}  // namespace ubc::container
