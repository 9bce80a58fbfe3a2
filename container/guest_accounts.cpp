// SPDX-License-Identifier: Apache-2.0
#include "container/guest_accounts.h"

#include <unistd.h>

#include <cerrno>

#include "container/container.h"
#include "os/process.h"

namespace ubc::container {
namespace {

constexpr std::size_t kLongestName = 32, kLongestPassword = 1024;   // a pipe holds more

constexpr const char* kScript = R"(id -u "$1" >/dev/null 2>&1 || useradd -m "$1" 2>/dev/null || adduser -D "$1" || exit 1; exec chpasswd)";

bool is_user_name(std::string_view name) {
  constexpr std::string_view kFirst = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
  return !name.empty() && name.size() <= kLongestName && kFirst.contains(name.front()) &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789-.") == name.npos;
}

}  // namespace

Result<Account> parse_account(std::string_view text) {
  const std::size_t colon = text.find(':');
  Account account{std::string{text.substr(0, colon)}, colon == text.npos ? "" : std::string{text.substr(colon + 1)}};
  const std::string& password = account.password;
  if (!is_user_name(account.user) || password.empty() || password.size() > kLongestPassword ||
      password.find_first_of("\n\r") != password.npos)
    return os::error(Code::bad_value,
                     "Bad parameter for --userpasswd: say user:password, as in root:secret, or root:- and the password on standard input");
  return account;
}

Result<> set_password(const Host& host, std::uint32_t id, const Account& account) {
  const std::string line = fmt::format("{}:{}\n", account.user, account.password);
  os::Pipe pipe = UBC_TRY(os::Pipe::make());
  if (::write(pipe.write_end.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    return os::sys_error(errno, "hand over", "the password");
  pipe.write_end = os::Fd{};
  const int status = UBC_TRY(exec(host, id, {"/bin/sh", "-c", kScript, "sh", account.user}, false, pipe.read_end.get()));
  if (status == 0) return {};
  if (status == 127)
    return os::error(Code::unsupported,
                     "set the password of {} in container {}: the guest has no chpasswd: install its passwd or shadow package",
                     account.user, id);
  return os::error(Code::system, "set the password of {} in container {}: the guest's chpasswd ended with status {}", account.user, id,
                   status);
}

}  // namespace ubc::container
