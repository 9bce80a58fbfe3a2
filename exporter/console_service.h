// SPDX-License-Identifier: Apache-2.0
// Console and API of this host, put together and kept going.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exporter/console_options.h"
#include "exporter/host_world.h"
#include "exporter/live.h"
#include "exporter/site.h"

namespace ubc::exporter {

class ConsoleService {
 public:
  /// Reads the users, and with --admin starts what runs ubctl: before anything is listened to, and before rights are dropped.
  [[nodiscard]] static Result<std::unique_ptr<ConsoleService>> make(const ConsoleOptions& options, const container::Host& host);

  /// The server's timers. Fails with Code::bad_value where passwords would go over a network in the clear.
  [[nodiscard]] Result<> attach(HttpServer& server);
  /// Sees what the hour is sampled from.
  void on_sample(std::function<void(const HostReading&)> look) { live_.on_sample(std::move(look)); }
  [[nodiscard]] HttpServer::Handler handler(std::function<Reply(const Request&)> metrics);

 private:
  ConsoleService(const ConsoleOptions& options, const container::Host& host, std::optional<Runner> runner,
                 std::optional<Authenticator> users);
  /// A file that can't be read leaves the users as they were, and the log says so.
  void reload_users_if_changed();
  /// Likewise: half of a renewal, a certificate that its key does not fit yet, is no good until the other half is there.
  void renew_certificate_if_changed(HttpServer& server);

  ConsoleOptions options_;
  std::optional<Runner> runner_;
  std::optional<Authenticator> users_;
  std::string users_seen_;   ///< which file it was, as far as stat() tells
  std::string tls_seen_;     ///< likewise of its certificate and key
  HostWorld world_;
  Live live_;
  Api api_;
  std::optional<Site> site_;
};

}  // namespace ubc::exporter
