// SPDX-License-Identifier: Apache-2.0
// The life of a guest that is sold: a Debian boots whole, gets a service by apt-get from a repository that its neighbour serves, runs it
// under systemd and answers, within the numbers of the basic sample.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/programs/guest.h"

namespace ubc::test {
namespace {

using testing::HasSubstr;

/// A package with a page that systemd's socket hands out, one process for each who asks; and the index that apt wants.
constexpr const char* kMakeRepository = R"sh(set -e
rm -rf /tmp/hello /tmp/repository; mkdir -p /tmp/hello/DEBIAN /tmp/hello/lib/systemd/system /tmp/hello/usr/share/hello /tmp/repository
cd /tmp/hello
printf 'Package: hello-page\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody\nDepends: dash\nDescription: a page\n' > DEBIAN/control
printf '#!/bin/sh\nsystemctl daemon-reload && systemctl enable --now hello.socket\n' > DEBIAN/postinst
printf 'HTTP/1.0 200 OK\r\n\r\nhello from a service\n' > usr/share/hello/page
printf '[Socket]\nListenStream=80\nAccept=yes\n[Install]\nWantedBy=sockets.target\n' > lib/systemd/system/hello.socket
printf '[Service]\nExecStart=-/bin/cat /usr/share/hello/page\nStandardOutput=socket\n' > lib/systemd/system/hello@.service
chmod 755 DEBIAN/postinst
cd /tmp/repository; dpkg-deb --root-owner-group -b /tmp/hello hello-page.deb >/dev/null
{ dpkg-deb -f hello-page.deb; echo 'Filename: ./hello-page.deb'; stat -c 'Size: %s' hello-page.deb
  echo "SHA256: $(sha256sum < hello-page.deb | cut -d' ' -f1)"; } > Packages
)sh";

class Service : public DebianGuest {
 protected:
  void TearDown() override {
    (void)ubctl("stop 102 --fast");
    EXPECT_EQ(ubctl("destroy 102").status, 0);
    DebianGuest::TearDown();
  }
};

TEST_F(Service, IsInstalledByAptFromANeighboursRepositoryAndAnswersWithinTheBasicSample) {
  ASSERT_EQ(shell(kMakeRepository).status, 0);
  ASSERT_EQ(ubctl("create 102 --ostemplate busybox --config basic --ipadd 10.77.0.102").status, 0);
  ASSERT_EQ(ubctl("start 102").status, 0);
  ASSERT_EQ(ubctl("cp /tmp/repository 102:/www").status, 0);
  ASSERT_EQ(ubctl("exec2 102 httpd -h /www").status, 0);
  ASSERT_EQ(ubctl("create 101 --ostemplate debian-12 --config basic --ipadd 10.77.0.101").status, 0);
  start();
  await_systemd();
  const Ran installed = ubctl(
      "exec2 101 'echo \"deb [trusted=yes] http://10.77.0.102/ ./\" > /etc/apt/sources.list && apt-get -q update && apt-get -q install -y "
      "hello-page'");
  ASSERT_EQ(installed.status, 0) << installed.output;
  EXPECT_EQ(ubctl("exec2 101 systemctl is-active hello.socket").output, "active\n");
  EXPECT_EQ(ubctl("exec2 102 'printf \"GET / HTTP/1.0\\r\\n\\r\\n\" | nc -w5 10.77.0.101 80 | tail -n1'").output, "hello from a service\n");
  EXPECT_EQ(ubctl("exec2 101 systemctl is-enabled hello.socket").output, "enabled\n");
  for (const std::string id : {"101", "102"}) {
    const std::string refused = ubctl("show " + id + " --failed").output;
    EXPECT_EQ(refused.substr(refused.find("failcnt")), "failcnt\n") << "refused within the basic sample:\n" << refused;
  }
}

}  // namespace
}  // namespace ubc::test
