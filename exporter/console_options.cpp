// SPDX-License-Identifier: Apache-2.0
#include "exporter/console_options.h"

#include <iostream>

#include "exporter/auth.h"

namespace ubc::exporter {

std::optional<TlsFiles> ConsoleOptions::tls() const {
  return tls_certificate.empty() ? std::nullopt : std::optional{TlsFiles{tls_certificate, tls_key}};
}

void add_console_options(CLI::App& app, ConsoleOptions& options) {
  constexpr const char* kGroup = "Who may come in";
  app.add_option("--users", options.users, "a file of NAME ROLE SECRET lines: only they may come in")->group(kGroup);
  app.add_flag("--admin", options.admin, "take changes from users whose role is admin; needs --users")->group(kGroup);
  app.add_option("--tls-cert", options.tls_certificate, "PEM file: the certificate with its chain")->group(kGroup);
  app.add_option("--tls-key", options.tls_key, "PEM file: its key")->group(kGroup);
  app.add_option("--server-name", options.server_names, "a host name that browsers may call this server by, besides its address; repeat it")
      ->group(kGroup);
  app.add_flag("--hash-password", options.hash_password, "print the hash of a password that is read from standard input")->group(kGroup);
  app.add_flag("--new-token", options.new_token, "print a new token and its hash")->group(kGroup);
}

Result<> check_console_options(const ConsoleOptions& options) {
  if (options.tls_certificate.empty() != options.tls_key.empty())
    return os::error(Code::bad_value, "TLS needs both: say --tls-cert FILE and --tls-key FILE");
  if (options.admin && options.users.empty())
    return os::error(Code::bad_value, "--admin lets users change limits, and there are none: say --users FILE, too");
  return {};
}

Result<std::optional<std::string>> printed_instead(const ConsoleOptions& options) {
  if (options.hash_password) {
    std::string password;
    (void)std::getline(std::cin, password);
    return UBC_TRY(hash_password(password)) + "\n";
  }
  if (!options.new_token) return std::nullopt;
  const NewToken made = UBC_TRY(make_token());
  return fmt::format("token:  {}\nsecret: {}\n", made.token, made.secret);
}

}  // namespace ubc::exporter
