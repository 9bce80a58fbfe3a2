// SPDX-License-Identifier: Apache-2.0
// ubcd's API with a real guest behind it: read it, change it, stop and start it, beside ubctl's own words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/programs/daemon.h"

namespace ubc::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kUsers = "/tmp/users";
const std::string kApi = "/api/v1/containers/web";

class UbcdApi : public Guest {
 protected:
  std::string admin_, reader_;

  /// An admin and a reader, each with a token that ubcd made.
  void SetUp() override {
    std::ofstream users{kUsers};
    admin_ = token_for(users, "ada admin ");
    reader_ = token_for(users, "rita read ");
    users.close();
    ASSERT_EQ(shell(std::string{"chmod 600 "} + kUsers).status, 0);
  }
  static std::string token_for(std::ofstream& users, const std::string& who) {
    const std::string printed = shell(UBCD " --new-token").output, second = "secret: ";
    users << who << printed.substr(printed.find(second) + second.size());
    return printed.substr(printed.find("ubc_"), printed.find('\n') - printed.find("ubc_"));
  }
  static const std::string& with_admin() {
    static const std::string kOptions = std::string{"--admin --users "} + kUsers;
    return kOptions;
  }
  std::string as_admin(const std::string& more = "") const { return "-H 'Authorization: Bearer " + admin_ + "' " + more; }
  json read(const std::string& path) const { return json::parse(get(path, as_admin()), nullptr, false); }
  json change(const std::string& method, const std::string& path, const std::string& body = "{}") const {
    return json::parse(get(path, as_admin("-X " + method + " -H 'X-UBC-Request: 1' -H 'Content-Type: application/json' -d '" + body + "'")),
                       nullptr, false);
  }
};

json row(const json& container, const std::string& resource) {
  for (const json& one : container.value("beancounters", json::array()))
    if (one["resource"] == resource) return one;
  return {};
}

TEST_F(UbcdApi, WhoWasRefusedIsNamedAndItsCureSetThroughTheApiHoldsInTheKernelAndInTheFile) {
  create("--name web --numproc 10:12");
  start();
  const Daemon daemon{"", with_admin()};
  (void)ubctl("exec 101 'for i in $(seq 30); do sleep 100 >/dev/null 2>&1 & done'");
  EXPECT_EQ(row(read(kApi), "numproc")["barrier"], 10) << text_of(kLog);
  EXPECT_EQ(std::to_string(row(read(kApi), "numproc").value("failcnt", 0)), field("101", "numproc.f"));
  const json refused = read(kApi + "/refusals")["refusals"];
  ASSERT_FALSE(refused.empty());
  EXPECT_EQ(refused[0]["resource"], "numproc");
  EXPECT_EQ(refused[0]["comm"], "sh");
  EXPECT_THAT(refused[0]["cure"]["command"].get<std::string>(), testing::StartsWith("ubctl set 101 --numproc "));

  const json preview = change("PATCH", kApi + "/limits", R"({"limits": {"numproc": "60:70"}, "save": true, "dry_run": true})");
  EXPECT_EQ(preview["changes"][0]["before"], json::parse(R"({"barrier": 10, "limit": 12})")) << preview;
  EXPECT_EQ(field("101", "numproc.b"), "10") << "a dry run changed it";
  const json done = change("PATCH", kApi + "/limits", R"({"limits": {"numproc": "60:70"}, "save": true})");
  EXPECT_EQ(done["applied"], true) << done << text_of(kLog);
  EXPECT_EQ(field("101", "numproc.b"), "60");
  EXPECT_EQ(field("101", "numproc.l"), "70");
  EXPECT_THAT(text_of("/etc/ubc/conf/101.conf"), HasSubstr("NUMPROC=\"60:70\"\n"));
  const std::string failures = field("101", "numproc.f");
  (void)ubctl("exec 101 'for i in $(seq 30); do sleep 100 >/dev/null 2>&1 & done'");
  EXPECT_EQ(field("101", "numproc.f"), failures) << "it was refused still";
  EXPECT_THAT(text_of(kLog), HasSubstr("audit: ada (admin, 127.0.0.1) set 101 (saved), numproc 10:12 -> 60:70: done\n"));
}

TEST_F(UbcdApi, AGuestIsStoppedAndStartedAndOutlivesUbcd) {
  create("--name web");
  start();
  Daemon daemon{"", with_admin()};
  EXPECT_EQ(change("POST", kApi + "/stop", R"({"fast": true})")["done"], true) << text_of(kLog);
  EXPECT_EQ(read(kApi)["state"], "stopped");
  EXPECT_THAT(ubctl("status 101").output, HasSubstr(" down"));
  EXPECT_EQ(change("POST", kApi + "/start")["done"], true) << text_of(kLog);
  EXPECT_EQ(change("POST", kApi + "/start")["error"]["message"], "Container is already running");
  EXPECT_EQ(daemon.stop(), 0);
  EXPECT_EQ(ubctl("exec 101 echo alive").output, "alive\n");
  EXPECT_THAT(ubctl("status 101").output, HasSubstr(" running"));
}

TEST_F(UbcdApi, AReaderAndAPageOfAnotherSiteChangeNothing) {
  create("--name web --numproc 10:12");
  start();
  const Daemon daemon{"", with_admin()};
  const auto status = [](const std::string& options) { return get(kApi + "/stop", "-o /dev/null -w '%{http_code}' -X POST " + options); };
  EXPECT_EQ(status("-H 'X-UBC-Request: 1'"), "401");
  EXPECT_EQ(status("-H 'X-UBC-Request: 1' -H 'Authorization: Bearer " + reader_ + "'"), "403");
  EXPECT_EQ(status(as_admin()), "403") << "without the header";
  EXPECT_EQ(status(as_admin("-H 'X-UBC-Request: 1' -H 'Origin: http://evil.example.com'")), "403");
  EXPECT_EQ(status(as_admin("-H 'X-UBC-Request: 1' -H 'Origin: http://127.0.0.1:9641' -o /dev/null -H 'Host: 127.0.0.1:9641' -d '{'")),
            "403")
      << "a form's content type";
  EXPECT_THAT(ubctl("status 101").output, HasSubstr(" running"));
  EXPECT_EQ(get("/", "-o /dev/null -w '%{http_code}' -H 'Host: evil.example.com'"), "421");
  ASSERT_EQ(shell(std::string{"sed -i s/rita.read/rita\\ admin/ "} + kUsers).status, 0);
  EXPECT_EQ(shell("for i in $(seq 100); do grep -q '2 users from' " + std::string{kLog} + " && exit 0; sleep 0.1; done; exit 1").status, 0);
  EXPECT_EQ(status("-H 'X-UBC-Request: 1' -H 'Authorization: Bearer " + reader_ + "'"), "200") << "the file is read again by itself";
}

TEST_F(UbcdApi, WhoListensHearsOfARefusalWhenItHappens) {
  create("--name web --numproc 10:12");
  start();
  const Daemon daemon{"", with_admin()};
  const std::string heard = "/tmp/heard";
  const auto wait_for = [&](const std::string& words) {
    return shell("for i in $(seq 300); do grep -q '" + words + "' " + heard + " && exit 0; sleep 0.1; done; exit 1").status;
  };
  (void)shell("curl -sSN --max-time 60 " + as_admin() + "'http://127.0.0.1:9641/api/v1/events?container=101' >" + heard +
              " 2>&1 & echo $! >/tmp/listener");
  ASSERT_EQ(wait_for("^event: containers"), 0) << text_of(heard);
  (void)ubctl("exec 101 'for i in $(seq 30); do sleep 100 >/dev/null 2>&1 & done'");
  EXPECT_EQ(wait_for("^event: refusal"), 0) << text_of(heard);
  EXPECT_EQ(wait_for("\"comm\":\"sh\""), 0) << text_of(heard);
  (void)shell("kill $(cat /tmp/listener)");
}

/// Its log, once that is in it.
std::string logged(const std::string& words) {
  for (int tries = 0; tries < 600 && text_of(kLog).find(words) == std::string::npos; ++tries) (void)::usleep(50'000);
  return text_of(kLog);
}

TEST_F(UbcdApi, OverTlsItIsTheSameAndAWrongCertificateIsNamed) {
  ASSERT_EQ(shell("cd /tmp && openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost "
                  "-addext subjectAltName=IP:127.0.0.1")
                .status,
            0);
  ASSERT_EQ(shell("openssl genrsa -out /tmp/other.pem 2048").status, 0);
  {
    const Daemon daemon{"", with_admin() + " --listen 0.0.0.0:9641 --tls-cert /tmp/cert.pem --tls-key /tmp/key.pem"};
    const Ran ran = shell("curl -sS --cacert /tmp/cert.pem " + as_admin() + "https://127.0.0.1:9641/api/v1/session");
    EXPECT_EQ(ran.output, "{\"you\":{\"name\":\"ada\",\"role\":\"admin\",\"may_change\":true},\"why\":\"\"}\n");
    EXPECT_NE(shell("curl -sS --max-time 10 --tls-max 1.1 -k https://127.0.0.1:9641/").status, 0);
    EXPECT_NE(shell("curl -sS --max-time 10 http://127.0.0.1:9641/").status, 0);
    EXPECT_EQ(shell("cd /tmp && cp cert.pem first.pem && openssl req -x509 -key other.pem -out renewed.pem -days 2 -subj /CN=localhost "
                    "-addext subjectAltName=IP:127.0.0.1 && cp renewed.pem cert.pem")
                  .status,
              0);   // half of it: the key is the first one's still
    EXPECT_THAT(logged("the certificate stays as it was"), HasSubstr("key values mismatch"));
    EXPECT_EQ(shell("curl -sS --cacert /tmp/first.pem " + as_admin() + "https://127.0.0.1:9641/api/v1/session").status, 0);
    EXPECT_EQ(shell("cp /tmp/key.pem /tmp/first-key.pem; cp /tmp/other.pem /tmp/key.pem").status, 0);
    (void)logged("the certificate /tmp/cert.pem was read again");
    EXPECT_EQ(shell("curl -sS --cacert /tmp/renewed.pem " + as_admin() + "https://127.0.0.1:9641/api/v1/session").status, 0);
    EXPECT_NE(shell("curl -sS --cacert /tmp/first.pem " + as_admin() + "https://127.0.0.1:9641/api/v1/session").status, 0);
  }
  ASSERT_EQ(shell("cd /tmp && cp first.pem cert.pem && cp first-key.pem key.pem").status, 0);
  const auto fails = [](const std::string& options) { return shell(UBCD " --users " + std::string{kUsers} + " " + options).output; };
  EXPECT_THAT(fails("--tls-cert /tmp/cert.pem --tls-key /tmp/other.pem"),
              HasSubstr("error: read the key /tmp/other.pem: key values mismatch: "));
  EXPECT_THAT(fails("--tls-cert /tmp/none.pem --tls-key /tmp/key.pem"), HasSubstr("error: read the certificate /tmp/none.pem: "));
  EXPECT_THAT(fails("--tls-cert /tmp/cert.pem"), HasSubstr("error: TLS needs both: say --tls-cert FILE and --tls-key FILE\n"));
  EXPECT_THAT(fails("--admin --listen 0.0.0.0:9641"),
              HasSubstr("error: --admin on 0.0.0.0:9641 would send passwords over the network in the clear: "));
  EXPECT_THAT(shell(UBCD " --admin").output,
              HasSubstr("error: --admin lets users change limits, and there are none: say --users FILE, too\n"));
}

}  // namespace
}  // namespace ubc::test
