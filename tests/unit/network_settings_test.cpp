// SPDX-License-Identifier: Apache-2.0
// What a configuration says of the network: addresses, rates, resolv.conf; and what a change makes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "accounting/config_file.h"
#include "container/network_settings.h"
#include "os/ip_address.h"

namespace ubc::container {
namespace {

using os::IpAddress;
using testing::ElementsAre;

std::string parsed(const std::string& text) {
  const auto address = IpAddress::parse(text);
  return address ? address->text() : address.error().message;
}

Addresses addresses(const std::string& text) { return parse_addresses(text).value_or(Addresses{}); }

TEST(IpAddress, IsASingleAddressOfEitherKindWithOrWithoutItsLength) {
  EXPECT_EQ(parsed("10.0.0.5"), "10.0.0.5");
  EXPECT_EQ(parsed("10.0.0.5/32"), "10.0.0.5");
  EXPECT_EQ(parsed("fd00:0::5"), "fd00::5");
  EXPECT_EQ(parsed("fd00::5/128"), "fd00::5");
  EXPECT_EQ(parsed("223.255.255.255"), "223.255.255.255");
  EXPECT_EQ(parsed("1.0.0.0"), "1.0.0.0");
  EXPECT_EQ(parsed("10.0.0.5/24"), "Bad address 10.0.0.5/24: a guest gets single addresses, /32");
  EXPECT_EQ(parsed("10.0.0.5/128"), "Bad address 10.0.0.5/128: a guest gets single addresses, /32");
  EXPECT_EQ(parsed("fd00::5/64"), "Bad address fd00::5/64: a guest gets single addresses, /128");
  EXPECT_EQ(parsed("::ffff:10.0.0.5"), "Bad address ::ffff:10.0.0.5: write an IPv4 address as such");
  for (const std::string wrong : {"", "10.0.0", "10.0.0.256", "10.0.0.5 ", "fd00::g", "web", "10.0.0.5\n"})
    EXPECT_EQ(parsed(wrong), "Bad address " + wrong + ": it is neither IPv4 (10.0.0.5) nor IPv6 (fd00::5)");
  for (const std::string nobodys :
       {"0.0.0.0", "0.1.2.3", "127.0.0.1", "169.254.1.1", "224.0.0.0", "255.255.255.255", "::", "::1", "fe80::1", "febf::1", "ff02::1"})
    EXPECT_EQ(parsed(nobodys), "Bad address " + nobodys + ": unspecified, loopback, link-local and multicast addresses are no guest's");
  EXPECT_EQ(parsed("fec0::1"), "fec0::1");
  EXPECT_EQ(parsed("::2"), "::2");
}

TEST(IpAddress, IsKeyedByItsMappedForm) {
  const auto v4 = IpAddress::parse("10.1.2.3");
  ASSERT_TRUE(v4);
  EXPECT_TRUE(v4->is_v4());
  EXPECT_THAT(v4->mapped(), ElementsAre(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3));
  EXPECT_THAT(v4->bytes(), ElementsAre(10, 1, 2, 3));
  const auto v6 = IpAddress::parse("fd00::5");
  ASSERT_TRUE(v6);
  EXPECT_FALSE(v6->is_v4());
  EXPECT_THAT(v6->bytes(), ElementsAre(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5));
}

TEST(Addresses, AreChangedByDroppingFirstAndEachIsThereOnce) {
  const Addresses now = addresses("10.0.0.1 10.0.0.2  10.0.0.1 fd00::1");
  EXPECT_EQ(text_of(now), "10.0.0.1 10.0.0.2 fd00::1");
  EXPECT_EQ(text_of(changed(now, {.drop_all = false, .drop = {}, .add = addresses("10.0.0.2 10.0.0.3")})),
            "10.0.0.1 10.0.0.2 fd00::1 10.0.0.3");
  EXPECT_EQ(text_of(changed(now, {.drop_all = false, .drop = addresses("10.0.0.1 10.9.9.9"), .add = {}})), "10.0.0.2 fd00::1");
  EXPECT_EQ(text_of(changed(now, {.drop_all = true, .drop = {}, .add = addresses("10.0.0.2")})), "10.0.0.2");
  EXPECT_EQ(text_of(changed(now, {.drop_all = false, .drop = addresses("10.0.0.1"), .add = addresses("10.0.0.1")})),
            "10.0.0.2 fd00::1 10.0.0.1");
  EXPECT_FALSE(parse_addresses("10.0.0.1 nonsense"));
  EXPECT_TRUE(AddressChange{}.empty());
  EXPECT_FALSE((AddressChange{.drop_all = true, .drop = {}, .add = {}}).empty());
}

TEST(Rates, AreBitsASecondInBothDirectionsOrEach) {
  const auto rates = [](const std::string& text) { return parse_rates(text).value_or(Rates{1, 1}); };
  EXPECT_EQ(rates("10M"), (Rates{1'250'000, 1'250'000}));
  EXPECT_EQ(rates("8k:16K"), (Rates{1'000, 2'000}));
  EXPECT_EQ(rates("1G:unlimited"), (Rates{125'000'000, 0}));
  EXPECT_EQ(rates("unlimited"), (Rates{0, 0}));
  EXPECT_EQ(rates("0:8000"), (Rates{0, 1'000}));
  EXPECT_EQ(rates("1000G"), (Rates{125'000'000'000, 125'000'000'000}));
  const auto refusal = [](const std::string& text) { return parse_rates(text) ? "none" : parse_rates(text).error().message; };
  EXPECT_EQ(refusal("7999"), "Bad rate 7999: at least 8K");
  EXPECT_EQ(refusal("1001G"), "Bad rate 1001G: at most 1000G");
  EXPECT_EQ(refusal("99999999999999999G"), "Bad rate 99999999999999999G: at most 1000G");
  for (const std::string wrong : {"", "M", "10Mbit", "-1", "10M:", ":10M", "10M:1:2", "fast", " 10M"})
    EXPECT_EQ(refusal(wrong), "Bad rate " + wrong + ": bits a second, with K, M or G, or unlimited: 10M, 10M:2M");
}

TEST(NetworkIn, SaysWhatTheConfigurationSaysAndNamesTheKeyThatIsWrong) {
  const auto read = [](const std::string& text) { return network_in(accounting::ConfigFile::parse(text)); };
  const auto all =
      read("IP_ADDRESS=\"10.0.0.5 fd00::5\"\nNAMESERVER=\"10.0.0.1 fd00::1\"\nSEARCHDOMAIN=\"a.example.com b\"\nRATE=\"8K\"\n");
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(text_of(all->addresses), "10.0.0.5 fd00::5");
  EXPECT_EQ(all->rates, (Rates{1'000, 1'000}));
  EXPECT_EQ(all->resolv_conf,
            "# Written by ubc from NAMESERVER and SEARCHDOMAIN at each start of the container.\n"
            "search a.example.com b\nnameserver 10.0.0.1\nnameserver fd00::1\n");
  const auto none = read("NUMPROC=5\nNAMESERVER=\"\"\nIP_ADDRESS=\"\"\nRATE=\"\"\n");
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->addresses.empty());
  EXPECT_EQ(none->resolv_conf, std::nullopt);
  EXPECT_EQ(none->rates, Rates{});
  EXPECT_EQ(read("IP_ADDRESS=\"10.0.0.5/8\"\n").error().message, "IP_ADDRESS: Bad address 10.0.0.5/8: a guest gets single addresses, /32");
  EXPECT_EQ(read("NAMESERVER=\"ns1\"\n").error().message, "NAMESERVER: Bad name server ns1: an IPv4 or IPv6 address");
  EXPECT_EQ(read("SEARCHDOMAIN=\"a;b\"\n").error().message, "SEARCHDOMAIN: Bad domain a;b: letters, digits, - . and _, at most 253");
  EXPECT_TRUE(read("NAMESERVER=\"127.0.0.1\"\n")) << "the guest may run its own";
}

}  // namespace
}  // namespace ubc::container
