// SPDX-License-Identifier: Apache-2.0
#include "container/plain_keys.h"

#include "accounting/actions.h"
#include "container/group_record.h"
#include "os/text_file.h"

namespace ubc::container {

Result<> check_plain_key(std::string_view key, const std::string& value) {
  if (key == "GROUP" && !value.empty()) return check_group_name(value);
  const bool yes_no = key == "ONBOOT" || key == "DISABLED";
  if (yes_no && value != "yes" && value != "no")
    return os::error(Code::bad_value, "Bad parameter for --{}: {}: say yes or no", key == "ONBOOT" ? "onboot" : "disabled", value);
  if (key == "STOP_TIMEOUT" && (!os::parse_number(value) || *os::parse_number(value) > 86400))
    return os::error(Code::bad_value, "Bad parameter for --stop-timeout: {}: seconds, at most 86400", value);
  if (key == "ACTIONS") UBC_TRY(accounting::parse_actions(value));
  if (key == "BOOTORDER" && !value.empty() && !os::parse_number(value))
    return os::error(Code::bad_value, "Bad parameter for --bootorder: {}: a number, the higher the earlier; empty: last", value);
  const bool host_name = value.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == std::string::npos;
  if (key == "HOSTNAME" && (!host_name || value.size() > 64))
    return os::error(Code::bad_value, "Bad parameter for --hostname: {}: letters, digits, - and ., at most 64", value);
  return {};
}

}  // namespace ubc::container
