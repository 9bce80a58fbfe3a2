// SPDX-License-Identifier: Apache-2.0
// Failures are values: Result<T> is a value or an Error that says what was attempted, on what, and why.
//
//   Result<Limit> read_limit(const os::DirFd& guest) {
//     const std::string text = UBC_TRY(os::read_text_at(guest, "pids.max"));   // unwraps or returns the error
//     return parse_limit(text);
//   }
//   return os::with_context(apply(plan), "setting numproc of 101");             // outer: inner, one sentence
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace ubc::os {

/// What the caller can do about it.
enum class Code {
  bad_value,      ///< the argument is wrong: fix it
  not_found,      ///< the thing does not exist
  exists,         ///< the thing exists already
  busy,           ///< somebody else holds it: try again
  denied,         ///< not allowed: become root, or the kernel refuses
  unsupported,    ///< this kernel or file system cannot
  no_resources,   ///< out of memory, space, descriptors, processes
  bad_state,      ///< the container is not in the state that this needs
  corrupt,        ///< a file or archive does not hold what it should
  system,         ///< any other failure of the system
};

struct Error {
  Code code = Code::system;
  int sys_errno = 0;       ///< 0 where no system call failed
  std::string message;     ///< one sentence, no trailing full stop or newline
};

template <typename T = void>
using Result = std::expected<T, Error>;

/// The code that fits an errno.
[[nodiscard]] Code code_of(int sys_errno);

/// "open 101/pids.max: No such file or directory". Save errno before anything else can change it.
[[nodiscard]] std::unexpected<Error> sys_error(int sys_errno, std::string_view action, std::string_view object = {});

template <typename... Args>
[[nodiscard]] std::unexpected<Error> error(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{code, 0, fmt::format(format, std::forward<Args>(args)...)});
}

/// Prefixes a failure with what it was part of; a success passes through.
template <typename T>
[[nodiscard]] Result<T> with_context(Result<T> result, std::string_view context) {
  if (!result) result.error().message = fmt::format("{}: {}", context, result.error().message);
  return result;
}

}  // namespace ubc::os

namespace ubc {
using os::Code;
using os::Error;
using os::Result;
}  // namespace ubc

/// Unwraps a Result or returns its error from the enclosing function. Do not nest.
#define UBC_TRY(expr)                                      \
  __extension__({                                          \
    auto&& ubc_try_ = (expr);                              \
    if (!ubc_try_) [[unlikely]]                            \
      return std::unexpected(std::move(ubc_try_).error()); \
    *std::move(ubc_try_);                                  \
  })
