// SPDX-License-Identifier: Apache-2.0
#include "isolate/handshake.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace ubc::isolate {
namespace {

enum class Kind : std::uint32_t { pid = 1, failure = 2, ready = 3 };

/// Below PIPE_BUF: a write is whole or not at all.
struct Record {
  Kind kind{};
  std::int32_t pid = 0;
  std::int32_t code = 0;
  std::int32_t sys_errno = 0;
  char message[496] = {};
};

void send_record(int pipe, const Record& record) {
  while (::write(pipe, &record, sizeof record) < 0 && errno == EINTR) {
  }
}

}  // namespace

void report_failure(int pipe, const Error& error) {
  Record record;
  record.kind = Kind::failure;
  record.code = static_cast<std::int32_t>(error.code);
  record.sys_errno = error.sys_errno;
  error.message.copy(record.message, sizeof record.message - 1);
  send_record(pipe, record);
}

void report_pid(int pipe, pid_t pid) {
  Record record;
  record.kind = Kind::pid;
  record.pid = pid;
  send_record(pipe, record);
}

void report_ready(int pipe) {
  Record record;
  record.kind = Kind::ready;
  send_record(pipe, record);
}

Result<> await_reports(const os::Fd& pipe, int patience_ms, LaunchReport& report) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds{patience_ms};
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd watch{pipe.get(), POLLIN, 0};
    const int ready = ::poll(&watch, 1, static_cast<int>(std::max<long>(left, 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) return os::error(Code::system, "the guest did not come up within {} s", patience_ms / 1000);
    Record record;
    const ssize_t got = ::read(pipe.get(), &record, sizeof record);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) break;
    if (got != sizeof record) return os::error(Code::system, "the guest's builder sent {} bytes that are no report", got);
    if (record.kind == Kind::failure) return std::unexpected(Error{static_cast<Code>(record.code), record.sys_errno, record.message});
    if (record.kind == Kind::pid) report.pid = record.pid;
    if (record.kind == Kind::ready) report.ready = true;
  }
  if (report.pid >= 0 && !report.ready) return os::error(Code::system, "the guest's first process was killed before its program ran");
  if (report.pid < 0) return os::error(Code::system, "the guest's builder ended without a word: was it killed, or the host out of memory?");
  return {};
}

void fault_point(std::string_view stage) {
  const char* wanted = std::getenv("UBC_FAULT");
  if (wanted == nullptr || stage != wanted) return;
  (void)::kill(::getpid(), SIGKILL);
  ::_exit(128 + SIGKILL);   // process 1 of a pid namespace is deaf to its own SIGKILL
}

}  // namespace ubc::isolate
