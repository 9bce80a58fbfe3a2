// SPDX-License-Identifier: Apache-2.0
// What of ubcd's arguments is about who may come in, and what they may do.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "exporter/http_server.h"
#include "os/result.h"

namespace ubc::exporter {

struct ConsoleOptions {
  std::string users;   ///< the file; empty: nobody has to say who they are
  bool admin = false;
  std::string tls_certificate, tls_key;
  std::vector<std::string> server_names;
  bool hash_password = false, new_token = false;   ///< print one, and serve nothing

  [[nodiscard]] std::optional<TlsFiles> tls() const;
};

void add_console_options(CLI::App& app, ConsoleOptions& options);
/// Fails with Code::bad_value where they don't go together.
[[nodiscard]] Result<> check_console_options(const ConsoleOptions& options);
/// What --hash-password (of a line of standard input) or --new-token print; nullopt: neither was asked for.
[[nodiscard]] Result<std::optional<std::string>> printed_instead(const ConsoleOptions& options);

}  // namespace ubc::exporter
