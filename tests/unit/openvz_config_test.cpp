// SPDX-License-Identifier: Apache-2.0
#include "container/openvz_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ubc::container {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string text_of(const OpenvzConfig& read) { return read.config.text(); }

TEST(OpenvzConfig, WhatUbcSaysInTheSameWordsIsTakenAsItStandsWithItsComments) {
  const std::string theirs =
      "# UBC parameters (in form of barrier:limit)\nKMEMSIZE=\"14372700:14790164\"\nPHYSPAGES=\"0:65536\"\nSWAPPAGES=\"0:512M\"\n\n"
      "DISKSPACE=\"2097152:2306867\"\nCPUUNITS=\"1000\"\nCPULIMIT=\"50\"\nCPUS=\"2\"\nONBOOT=\"yes\"\nHOSTNAME=\"web.example.com\"\n"
      "IP_ADDRESS=\"10.1.0.5 10.1.0.6\"\nNAMESERVER=\"192.0.2.1 192.0.2.2\"\nOSTEMPLATE=\"centos-6-x86_64\"\nORIGIN_SAMPLE=\"basic\"\n"
      "CAPABILITY=\"NET_RAW:off\"\nDEVNODES=\"net/tun:rw\"\n"
      "NETIF=\"ifname=eth0,bridge=vmbr0,mac=00:18:51:AA:BB:CC,host_ifname=veth101.0,host_mac=00:18:51:AA:BB:CD\"\n";
  const OpenvzConfig read = read_openvz_config(theirs, 101);
  EXPECT_THAT(read.left_out, IsEmpty());
  EXPECT_EQ(text_of(read), theirs);
  EXPECT_EQ(read.private_area, "");
}

TEST(OpenvzConfig, WhereItsFilesLieIsReadAndWhatItSaysOfOpenvzsOwnAffairsBecomesAComment) {
  const OpenvzConfig read =
      read_openvz_config("VE_ROOT=\"/vz/root/$VEID\"\nVE_PRIVATE=\"/vz/private/${VEID}\"\nVE_LAYOUT=\"simfs\"\nNUMPROC=\"240\"\n", 117);
  EXPECT_EQ(read.private_area, "/vz/private/117");
  EXPECT_THAT(read.left_out, IsEmpty()) << "nothing is lost with these";
  EXPECT_EQ(text_of(read), "# VE_ROOT=\"/vz/root/$VEID\"\n# VE_PRIVATE=\"/vz/private/${VEID}\"\n# VE_LAYOUT=\"simfs\"\nNUMPROC=\"240\"\n");
}

TEST(OpenvzConfig, WhatCannotBeTakenOverIsAComment_AndNamedWithItsReason) {
  const OpenvzConfig read = read_openvz_config(
      "IPTABLES=\"iptable_filter ipt_limit\"\nSLMMODE=\"all\"\nNUMPROC=\"300:200\"\nONBOOT=\"maybe\"\nIP_ADDRESS=\"10.1.0.0/16 nonsense\"\n"
      "NAMESERVER=\"inherit\"\n",
      101);
  EXPECT_THAT(read.left_out,
              ElementsAre("IPTABLES is left out: each guest has a netfilter of its own, with the modules that the host has loaded",
                          "SLMMODE=\"all\" is left out: there is no such setting", testing::StartsWith("NUMPROC=\"300:200\" is left out: "),
                          "ONBOOT=\"maybe\" is left out: Bad parameter for --onboot: maybe: say yes or no",
                          testing::StartsWith("IP_ADDRESS=\"10.1.0.0/16 nonsense\" is left out: IP_ADDRESS: "),
                          "NAMESERVER=\"inherit\" is left out: say the servers: ubctl set --nameserver ADDRESS"));
  EXPECT_EQ(text_of(read),
            "# IPTABLES=\"iptable_filter ipt_limit\"\n# SLMMODE=\"all\"\n# NUMPROC=\"300:200\"\n# ONBOOT=\"maybe\"\n"
            "# IP_ADDRESS=\"10.1.0.0/16 nonsense\"\n# NAMESERVER=\"inherit\"\n");
}

TEST(OpenvzConfig, OfListsWhatPassesStays) {
  const OpenvzConfig read = read_openvz_config("FEATURES=\"nfs:on fuse:on\"\nCAPABILITY=\"SYS_TIME:on NET_ADMIN:on\"\n", 101);
  EXPECT_EQ(text_of(read), "FEATURES=\"fuse:on\"\nCAPABILITY=\"NET_ADMIN:on\"\n");
  EXPECT_THAT(read.left_out, ElementsAre(testing::StartsWith("FEATURES: Bad parameter for --features: nfs:on: "),
                                         testing::StartsWith("CAPABILITY: Bad parameter for --capability: SYS_TIME:on: ")));
}

TEST(OpenvzConfig, AddressesComeWithoutTheirMasksAndDiskSpaceInKiB) {
  const OpenvzConfig read = read_openvz_config("IP_ADDRESS=\"10.1.0.5/255.255.255.0 2001:db8::5/64\"\nDISKSPACE=\"2G:3G\"\n", 101);
  EXPECT_EQ(text_of(read), "IP_ADDRESS=\"10.1.0.5 2001:db8::5\"\nDISKSPACE=\"2097152:3145728\"\n");
  EXPECT_THAT(read.left_out, IsEmpty());
}

TEST(OpenvzConfig, ALineThatIsNoneIsACommentAndSaid) {
  const OpenvzConfig read = read_openvz_config("NUMPROC=\"10\"\n; rm -rf /\n", 101);
  EXPECT_EQ(text_of(read), "NUMPROC=\"10\"\n# ; rm -rf /\n");
  EXPECT_THAT(read.left_out, ElementsAre("line 2: \"; rm -rf /\" is not KEY=\"value\"; it is ignored"));
}

}  // namespace
}  // namespace ubc::container
