// SPDX-License-Identifier: Apache-2.0
// Users inside a guest, by the guest's own programs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "container/host.h"
#include "os/result.h"

namespace ubc::container {

struct Account {
  std::string user;
  std::string password;
};
/// "user:password". Fails with Code::bad_value: a name that useradd would refuse, no password, a line break.
[[nodiscard]] Result<Account> parse_account(std::string_view text);

/// The user gets the password, and is made first where it is not there: by useradd or adduser, and chpasswd, of the guest, which gets the
/// password on its standard input, so that no list of processes shows it. Fails with Code::bad_state where the guest does not run, with
/// Code::system where a program of its failed, after what that said.
[[nodiscard]] Result<> set_password(const Host& host, std::uint32_t id, const Account& account);

}  // namespace ubc::container
