// SPDX-License-Identifier: Apache-2.0
// openapi.json and the server say the same: each route is described and each description is a route, and what is answered is of the form
// that is promised, no more and no less.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "exporter/assets.h"
#include "tests/support/made_up_site.h"

namespace ubc::test {
namespace {

using nlohmann::json;

const json& document() {
  static const json kDocument = json::parse(exporter::asset("openapi.json")->text, nullptr, false);
  return kDocument;
}

bool is_of_type(const json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  return type == "null" && value.is_null();
}

/// What of JSON Schema our document uses; anything else in it is a failure, so that nothing is promised that nobody checks.
class Checker {
 public:
  std::vector<std::string> complaints;

  void check(const json& value, const json& schema, const std::string& where) {
    if (schema.contains("$ref")) return check(value, document()[json::json_pointer{schema["$ref"].get<std::string>().substr(1)}], where);
    if (schema.contains("anyOf")) return check_any(value, schema["anyOf"], where);
    for (const auto& [key, unused] : schema.items())
      if (!kKnown.contains(key)) complain(where, "the test knows no " + key);
    check_type(value, schema, where);
    if (schema.contains("enum") && std::ranges::find(schema["enum"], value) == schema["enum"].end()) complain(where, "is not of the enum");
    if (value.is_number() && schema.contains("minimum") && value < schema["minimum"]) complain(where, "is below the minimum");
    if (value.is_array() && schema.contains("items"))
      for (std::size_t i = 0; i < value.size(); ++i) check(value[i], schema["items"], where + "/" + std::to_string(i));
    if (value.is_object()) check_members(value, schema, where);
  }

 private:
  inline static const std::set<std::string> kKnown{"type",       "description",          "enum",         "minimum", "items", "required",
                                                   "properties", "additionalProperties", "minProperties"};

  void complain(const std::string& where, const std::string& what) { complaints.push_back(where + ": " + what); }

  void check_any(const json& value, const json& schemas, const std::string& where) {
    const bool fits = std::ranges::any_of(schemas, [&](const json& schema) {
      Checker one;
      one.check(value, schema, where);
      return one.complaints.empty();
    });
    if (!fits) complain(where, "fits none: " + value.dump());
  }

  void check_type(const json& value, const json& schema, const std::string& where) {
    const json types = schema["type"].is_array() ? schema["type"] : json::array({schema["type"]});
    if (std::ranges::none_of(types, [&](const json& type) { return is_of_type(value, type); })) complain(where, "is no " + types.dump());
  }

  void check_members(const json& value, const json& schema, const std::string& where) {
    for (const json& name : schema.value("required", json::array()))
      if (!value.contains(name.get<std::string>())) complain(where, "lacks " + name.get<std::string>());
    for (const auto& [name, member] : value.items()) {
      if (schema.contains("properties") && schema["properties"].contains(name))
        check(member, schema["properties"][name], where + "/" + name);
      else if (schema.contains("additionalProperties") && schema["additionalProperties"].is_object())
        check(member, schema["additionalProperties"], where + "/" + name);
      else if (schema.contains("additionalProperties"))
        complain(where, "has an undescribed " + name);
    }
  }
};

std::string in_lower_case(std::string_view text) {
  std::string lower{text};
  std::ranges::transform(lower, lower.begin(), [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return lower;
}

TEST(OpenApi, DescribesEachRouteAndNothingElse) {
  ASSERT_TRUE(document().is_object());
  std::set<std::string> served, described;
  for (const exporter::Api::Route& route : exporter::Api::routes())
    served.insert(in_lower_case(route.method) + " " + std::string{route.path});
  for (const auto& [path, methods] : document()["paths"].items())
    for (const auto& [method, operation] : methods.items())
      if (method != "parameters") described.insert(method + " " + path);
  EXPECT_EQ(served, described);
}

TEST(OpenApi, WhoMayOnlyReadIsToldSoByWhatNeedsTheHeader) {
  for (const exporter::Api::Route& route : exporter::Api::routes()) {
    const json& operation = document()["paths"][std::string{route.path}][in_lower_case(route.method)];
    EXPECT_EQ(operation["responses"].contains("403"), route.role == exporter::Role::admin) << route.path;
    EXPECT_EQ(operation["responses"].contains("401"), route.path != exporter::Api::kSession) << route.path;
  }
}

/// A reply, held against what is described for its status.
void hold(const exporter::Reply& reply, const std::string& method, const std::string& path) {
  const json& responses = document()["paths"][path][method]["responses"];
  const std::string status = std::to_string(reply.status);
  ASSERT_TRUE(responses.contains(status)) << method << " " << path << " answers an undescribed " << status << ": " << reply.body;
  const json body = json::parse(reply.body, nullptr, false);
  Checker checker;
  checker.check(body, responses[status]["content"]["application/json"]["schema"], path);
  EXPECT_THAT(checker.complaints, testing::IsEmpty()) << reply.body;
}

TEST(OpenApi, WhatIsAnsweredIsWhatIsDescribed) {
  MadeUpSite site;
  site.live.sample({1000, 10});
  site.world.advance(30);
  site.live.sample({1030, 40});
  const std::string containers = "/api/v1/containers";
  for (const std::string& who : {site.admin, site.reader, std::string{"Bearer no"}})
    hold(site.ask("GET", "/api/v1/session", "", who), "get", "/api/v1/session");
  hold(site.ask("GET", "/api/v1/host"), "get", "/api/v1/host");
  hold(site.ask("GET", containers), "get", containers);
  hold(site.ask("GET", containers + "?view=summary"), "get", containers);
  for (const char* id : {"101", "105", "2000000007", "110"})
    for (const char* part : {"", "/history", "/refusals", "/usage"})
      hold(site.ask("GET", containers + "/" + id + part), "get", containers + "/{id}" + part);
  hold(site.ask("GET", containers + "/999"), "get", containers + "/{id}");
  hold(site.ask("GET", "/api/v1/refusals"), "get", "/api/v1/refusals");
  hold(site.ask("GET", "/api/v1/openapi.json"), "get", "/api/v1/openapi.json");
  hold(site.ask("GET", "/api/v1/host", "", "Bearer no"), "get", "/api/v1/host");
}

TEST(OpenApi, WhatIsAnsweredToAChangeIsWhatIsDescribed) {
  MadeUpSite site;
  const std::string of = "/api/v1/containers/101/", described = "/api/v1/containers/{id}/";
  for (const char* body :
       {R"({"limits": {"numproc": "300", "physpages": "unlimited"}, "dry_run": true})", R"({"limits": {"numproc": "300"}})", "{}"})
    hold(site.ask("PATCH", of + "limits", body), "patch", described + "limits");
  hold(site.ask("PATCH", of + "limits", "{}", site.reader), "patch", described + "limits");
  for (const char* verb : {"stop", "start", "restart"}) hold(site.ask("POST", of + verb), "post", described + verb);
  for (const int status : {9, 14, 21, 3}) {
    site.world.next_result = {status, "", "why\n"};
    hold(site.ask("POST", of + "stop"), "post", described + "stop");
  }
}

}  // namespace
}  // namespace ubc::test
