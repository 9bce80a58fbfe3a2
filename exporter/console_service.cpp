// SPDX-License-Identifier: Apache-2.0
#include "exporter/console_service.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <climits>

#include "os/text_file.h"

namespace ubc::exporter {
namespace {

constexpr std::chrono::seconds kFilesPoll{2};

/// Beside ubcd where it was built, else where the package puts it.
std::string ubctl_path() {
  char self[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", self, sizeof self);
  std::string path{self, length > 0 ? static_cast<std::size_t>(length) : 0};
  path = path.substr(0, path.rfind('/') + 1) + "ubctl";
  return ::access(path.c_str(), X_OK) == 0 ? path : "/usr/bin/ubctl";
}

std::string identity_of(const std::string& path) {
  struct stat seen{};
  if (path.empty() || ::stat(path.c_str(), &seen) != 0) return {};
  return fmt::format("{} {} {}.{}", seen.st_ino, seen.st_size, seen.st_mtim.tv_sec, seen.st_mtim.tv_nsec);
}

std::vector<std::string> names_of(const ConsoleOptions& options) {
  std::vector<std::string> names = options.server_names;
  char own[HOST_NAME_MAX + 1] = {};
  if (::gethostname(own, sizeof own - 1) == 0) names.emplace_back(own);
  return names;
}

}  // namespace

ConsoleService::ConsoleService(const ConsoleOptions& options, const container::Host& host, std::optional<Runner> runner,
                               std::optional<Authenticator> users)
    : options_{options},
      runner_{std::move(runner)},
      users_{std::move(users)},
      users_seen_{identity_of(options.users)},
      tls_seen_{identity_of(options.tls_certificate) + identity_of(options.tls_key)},
      world_{host, runner_ ? &*runner_ : nullptr},
      live_{world_},
      api_{world_, live_, {options.admin, UBC_VERSION, [](const std::string& line) { spdlog::info("audit: {}", line); }}} {}

Result<std::unique_ptr<ConsoleService>> ConsoleService::make(const ConsoleOptions& options, const container::Host& host) {
  UBC_TRY(check_console_options(options));
  std::optional<Authenticator> users;
  if (!options.users.empty()) users.emplace(UBC_TRY(load_users(options.users)));
  std::optional<Runner> runner;
  if (options.admin) runner = UBC_TRY(Runner::start(ubctl_path(), host.paths));
  return std::unique_ptr<ConsoleService>{new ConsoleService{options, host, std::move(runner), std::move(users)}};
}

Result<> ConsoleService::attach(HttpServer& server) {
  if (options_.admin && !server.is_loopback() && !options_.tls())
    return os::error(
        Code::bad_value,
        "--admin on {} would send passwords over the network in the clear: say --tls-cert and --tls-key, or listen on 127.0.0.1",
        server.address());
  if (users_ && !server.is_loopback() && !options_.tls())
    spdlog::warn("passwords and tokens come to {} in the clear: --tls-cert and --tls-key keep them", server.address());
  server.every(Live::kTick, [this] { live_.tick(); });
  server.every(Live::kRefusalPoll, [this] { live_.poll_refusals(); });
  server.every(History::kInterval, [this] { live_.sample(Moment::now()); });
  if (users_) server.every(kFilesPoll, [this] { reload_users_if_changed(); });
  if (options_.tls()) server.every(kFilesPoll, [this, &server] { renew_certificate_if_changed(server); });
  if (runner_) server.when_readable(runner_->descriptor(), [this] { return runner_->take_results(); });
  return {};
}

HttpServer::Handler ConsoleService::handler(std::function<Reply(const Request&)> metrics) {
  site_.emplace(api_, users_ ? &*users_ : nullptr, SiteOptions{names_of(options_), std::move(metrics)});
  return [this](const Request& request, const Done& done) { site_->answer(request, done); };
}

void ConsoleService::reload_users_if_changed() {
  std::string now = identity_of(options_.users);
  if (now == users_seen_) return;
  users_seen_ = std::move(now);
  auto users = load_users(options_.users);
  if (!users) return spdlog::warn("{}: the users stay as they were", os::printable(users.error().message));
  spdlog::info("{} users from {}", users->size(), options_.users);
  users_->replace(*std::move(users));
  live_.close_all();   // each comes again, if it still may
}

void ConsoleService::renew_certificate_if_changed(HttpServer& server) {
  const TlsFiles files = options_.tls().value();
  std::string now = identity_of(files.certificate) + identity_of(files.key);
  if (now == tls_seen_) return;
  tls_seen_ = std::move(now);
  if (const auto renewed = server.renew_tls(files); !renewed)
    return spdlog::warn("{}: the certificate stays as it was", os::printable(renewed.error().message));
  spdlog::info("the certificate {} was read again", files.certificate);
}

}  // namespace ubc::exporter
