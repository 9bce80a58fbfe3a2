// SPDX-License-Identifier: Apache-2.0
// The whole site over a made-up host, without a socket: a request in, its reply out.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "exporter/site.h"
#include "tests/support/made_up_world.h"

namespace ubc::test {

/// One token for each role; no password, which takes its time.
class MadeUpSite {
 public:
  MadeUpWorld world;
  std::vector<std::string> audited;
  exporter::Live live{world};
  std::string reader = "Bearer ", admin = "Bearer ";

  explicit MadeUpSite(bool takes_changes = true)
      : api_{world, live, {takes_changes, "1.2.3", [this](const std::string& line) { audited.push_back(line); }}} {
    populate(world);
    const auto read_token = exporter::make_token(), admin_token = exporter::make_token();
    reader += read_token->token;
    admin += admin_token->token;
    users_.replace({{"rita", exporter::Role::read, read_token->secret}, {"ada", exporter::Role::admin, admin_token->secret}});
  }

  /// As it is, without anything added.
  exporter::Reply raw(const exporter::Request& request) {
    exporter::Reply reply{.status = 0};
    site_.answer(request, [&](exporter::Reply answered) { reply = std::move(answered); });
    return reply;
  }
  /// By somebody who may, from the console.
  exporter::Reply ask(const std::string& method, const std::string& path, const std::string& body = "", const std::string& who = "") {
    const std::size_t question = path.find('?');
    exporter::Request request{.path = path.substr(0, question), .query = question == std::string::npos ? "" : path.substr(question + 1)};
    request.method = method;
    request.body = body;
    request.headers = {{"host", "127.0.0.1:9641"},
                       {"authorization", who.empty() ? admin : who},
                       {"x-ubc-request", "1"},
                       {"content-type", "application/json"}};
    return raw(request);
  }
  nlohmann::json get(const std::string& path) {
    const exporter::Reply reply = ask("GET", path);
    EXPECT_EQ(reply.status, 200U) << path << ": " << reply.body;
    return nlohmann::json::parse(reply.body, nullptr, false);
  }

 private:
  exporter::Api api_;
  exporter::Authenticator users_{{}};
  exporter::Site site_{
      api_, &users_, {{"panel.example.com"}, [](const exporter::Request&) { return exporter::Reply{200, "text/plain", "metrics"}; }}};
};

}  // namespace ubc::test
