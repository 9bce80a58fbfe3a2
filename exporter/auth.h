// SPDX-License-Identifier: Apache-2.0
// Who asks, and what they may: users with hashed passwords and tokens in a file, one a line, "NAME ROLE SECRET". ROLE is read or admin.
// SECRET is a password's hash as crypt(3) has it ("$y$..."), or "sha256:" and the hash of a token, which is long and random, so that a
// plain hash is enough. `ubcd --hash-password` and `ubcd --new-token` print such lines.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/result.h"

namespace ubc::exporter {

enum class Role { read, admin };
[[nodiscard]] const char* name_of(Role role);

struct Identity {
  std::string name;
  Role role = Role::read;
  bool operator==(const Identity&) const = default;
};

struct User {
  std::string name;
  Role role = Role::read;
  std::string secret;
};

/// Fails with Code::bad_value, naming the line. (Pure.)
[[nodiscard]] Result<std::vector<User>> parse_users(std::string_view text);
/// Fails also where others than its owner, who is us, can read or write the file.
[[nodiscard]] Result<std::vector<User>> load_users(const std::string& path);

/// For a users file. Fails where libcrypt can't.
[[nodiscard]] Result<std::string> hash_password(const std::string& password);
struct NewToken {
  std::string token, secret;
};
[[nodiscard]] Result<NewToken> make_token();

class Authenticator {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Outcome {
    known,
    nobody,      ///< said nothing
    wrong,
    too_often,   ///< so many wrong passwords of late that this one was not looked at: a hash takes its time
  };
  struct Verdict {
    Outcome outcome = Outcome::nobody;
    Identity identity;
  };

  explicit Authenticator(std::vector<User> users);
  void replace(std::vector<User> users);
  /// `authorization`: the header, "Bearer …" or "Basic …"; may be empty.
  [[nodiscard]] Verdict check(std::string_view authorization, Clock::time_point now);

 private:
  [[nodiscard]] Verdict check_token(std::string_view token) const;
  [[nodiscard]] Verdict check_password(const std::string& name, const std::string& password, Clock::time_point now);
  [[nodiscard]] bool may_hash(Clock::time_point now);

  struct Remembered {
    std::string name;
    Clock::time_point until;
  };
  std::vector<User> users_;
  std::string salt_;                              ///< of this process, for what is remembered
  std::map<std::string, Remembered> remembered_;   ///< right passwords, by salted hash: each would cost a crypt(3) a request
  double hashes_left_;
  Clock::time_point refilled_;
};

}  // namespace ubc::exporter
