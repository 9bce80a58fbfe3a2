// SPDX-License-Identifier: Apache-2.0
// /api/v1: what is known and, for admins, what can be done. Who asks is known already (site.h). openapi.json describes it, and a test holds
// the two together.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "exporter/auth.h"
#include "exporter/http.h"
#include "exporter/live.h"
#include "exporter/world.h"

namespace ubc::exporter {

struct ApiOptions {
  bool admin = false;  ///< changes are taken at all
  std::string version;
  std::function<void(std::string)> audit = [](const std::string&) {};  ///< a line for each change that somebody asked for
};

class Api {
 public:
  Api(World& world, Live& live, ApiOptions options) : world_{world}, live_{live}, options_{std::move(options)} {}

  struct Call {
    const Request& request;
    const Identity& who;
    std::string_view id;  ///< what stood for {id}; empty where the route has none
  };
  struct Route {
    std::string_view method, path;  ///< {id}: one segment
    Role role;
    void (Api::*handler)(const Call&, const Done&);
  };
  [[nodiscard]] static std::span<const Route> routes();

  /// What /api/v1/session says to somebody who has not said who they are, or not rightly.
  static constexpr std::string_view kSession = "/api/v1/session";
  [[nodiscard]] static Reply no_session(std::string_view why);

  /// For a path below /api/.
  void answer(const Request& request, const Identity& who, const Done& done);

 private:
  void session(const Call& call, const Done& done);
  void host(const Call& call, const Done& done);
  void containers(const Call& call, const Done& done);
  void container(const Call& call, const Done& done);
  void history(const Call& call, const Done& done);
  void usage(const Call& call, const Done& done);
  void refusals(const Call& call, const Done& done);
  void all_refusals(const Call& call, const Done& done);
  void events(const Call& call, const Done& done);
  void openapi(const Call& call, const Done& done);
  void set_limits(const Call& call, const Done& done);
  void start(const Call& call, const Done& done);
  void stop(const Call& call, const Done& done);
  void restart(const Call& call, const Done& done);

  [[nodiscard]] nlohmann::ordered_json you(const Identity& who) const;
  /// Runs ubctl, tells the log who wanted it and the listeners that it is done. `what`: for the log. `success` makes the reply.
  void run(const Call& call, const Action& action, const std::string& what, const Done& done,
           std::function<Reply(const ActionResult&)> success);
  void run_verb(const Call& call, const std::string& verb, const Done& done);
  [[nodiscard]] Result<std::uint32_t> known_id(std::string_view text);

  World& world_;
  Live& live_;
  ApiOptions options_;
};

}  // namespace ubc::exporter
