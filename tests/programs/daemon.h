// SPDX-License-Identifier: Apache-2.0
// A ubcd that runs while a test does, and what it serves.
#pragma once

#include <sys/types.h>

#include <string>

#include "tests/programs/guest.h"

namespace ubc::test {

inline constexpr const char* kLog = "/tmp/ubcd.log";   ///< the daemon's standard error

/// A ubcd that has said READY to a socket of ours, as it does to systemd's; ended by SIGTERM. `with` goes before the program, `options`
/// behind.
class Daemon {
 public:
  explicit Daemon(const std::string& with = "", const std::string& options = "");
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon();
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// The next that it says to the socket, or nothing within two minutes.
  [[nodiscard]] std::string next_word() const;
  /// Its wait status.
  int stop();

 private:
  pid_t pid_ = -1;
  int socket_ = -1;
};

/// What is served at `path`; `options` are curl's.
std::string get(const std::string& path, const std::string& options = "");

/// The value of a series, as text; empty where there is none.
std::string value_of(const std::string& text, const std::string& series);
/// The series of container 101's resource.
std::string of_101(const std::string& family, const std::string& resource);

}  // namespace ubc::test
