// SPDX-License-Identifier: Apache-2.0
// ubc-ubcd-fuzz: what ubcd makes of bytes that others choose: queries and headers of a request, its configuration file, and the kernel's
// files as a guest or a broken kernel might have them. libFuzzer; needs a clang whose libstdc++ has <expected> (19):
//   ./dev fuzz [SECONDS]
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "accounting/cgroup_usage.h"
#include "exporter/negotiation.h"
#include "exporter/routes.h"
#include "exporter/settings.h"
#include "tests/support/made_up_host.h"

namespace ubc::exporter {
namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

/// "path?query\naccept\naccept-encoding": whatever it says, the reply is whole and of a status that we know.
void fuzz_request(std::string_view text) {
  static const test::MadeUpHost made_up = test::full_host();
  const auto line = [&text] {
    const std::string_view taken = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(taken.size() + 1, text.size()));
    return std::string{taken};
  };
  const std::string query = line(), accept = line(), encoding = line();
  static const std::vector<std::string> fleet;
  const Served served{[](const CollectorSet& wanted, Exposition& out) {
                        HostReading host = made_up.host;
                        host.collected = wanted;
                        write_families(host, made_up.own, out);
                      },
                      fleet};
  const Reply reply = answer({"/metrics", query, {{"accept", accept}, {"accept-encoding", encoding}}}, served);
  check(reply.status == 200 || reply.status == 400);
  const bool packed = reply.headers.contains("Content-Encoding");
  check(packed == (packed && accepts_gzip(encoding)));
  if (reply.status == 200 && format_for(accept) == Format::openmetrics && !packed) check(reply.body.ends_with("# EOF\n"));
}

void fuzz_settings(std::string_view text) {
  const int file = ::memfd_create("ubcd.conf", MFD_CLOEXEC);
  if (file < 0 || ::write(file, text.data(), text.size()) < 0) std::abort();
  const std::string option = "--config=/proc/self/fd/" + std::to_string(file);
  const char* const argv[] = {"ubcd", option.c_str()};
  const auto settings = parse_settings(2, argv);
  check(!settings || *settings || text.find("help") != std::string_view::npos || text.find("version") != std::string_view::npos);
  (void)::close(file);
}

/// A failure or a value; never a crash.
void fuzz_kernel_files(std::string_view text) {
  (void)accounting::parse_cpu_stat(text);
  (void)accounting::parse_cpu_max(text);
  (void)accounting::parse_pressure(text);
  (void)accounting::parse_io_stat(text);
  (void)accounting::parse_net_dev(text);
}

}  // namespace
}  // namespace ubc::exporter

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  switch (data[0] % 3) {
    case 0: ubc::exporter::fuzz_request(text); break;
    case 1: ubc::exporter::fuzz_settings(text); break;
    default: ubc::exporter::fuzz_kernel_files(text); break;
  }
  return 0;
}
