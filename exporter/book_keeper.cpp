// SPDX-License-Identifier: Apache-2.0
#include "exporter/book_keeper.h"

#include <spdlog/spdlog.h>
#include <sys/utsname.h>

#include <chrono>
#include <ctime>

#include "exporter/cadvisor_families.h"
#include "os/text_file.h"

namespace ubc::exporter {
namespace {

std::string kernel_release() {
  utsname seen{};
  return ::uname(&seen) == 0 ? seen.release : "";
}

}  // namespace

BookKeeper::BookKeeper(container::Host host, const CollectorSet& collectors, std::shared_ptr<const Abilities> abilities,
                       const HttpServer& server)
    : host_{std::move(host)}, collectors_{collectors}, server_{server} {
  own_.kernel = kernel_release();
  own_.abilities = std::move(abilities);
  own_.crossings = std::make_shared<Crossings>();
  note_reload(true);
}

void BookKeeper::write(const CollectorSet& wanted, Exposition& out) {
  const auto start = std::chrono::steady_clock::now();
  const HostReading reading = read_host(host_, wanted & collectors_);
  own_.read_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (const Error& failure : reading.failures) note(failure);
  look(reading);
  if (auto process = read_own_process())
    own_.process = *process;
  else
    note(process.error());
  own_.requests = server_.counts().requests;
  own_.connections_refused = server_.counts().connections_refused;
  write_families(reading, own_, out);
}

bool BookKeeper::write_cadvisor(Exposition& out) {
  if (!collectors_.has(Collector::cadvisor)) return false;
  CollectorSet read;
  for (const Collector each :
       {Collector::beancounters, Collector::cpu, Collector::io, Collector::disk, Collector::network, Collector::cadvisor})
    read.set(each, true);
  const HostReading reading = read_host(host_, read);
  for (const Error& failure : reading.failures) note(failure);
  exporter::write_cadvisor(reading, host_.paths.cgroups, out);
  return true;
}

void BookKeeper::note_reload(bool successful) { own_.reload = {successful, std::time(nullptr)}; }

void BookKeeper::note(const Error& failure) {
  ++own_.read_failures;
  spdlog::warn("{}", os::printable(failure.message));
}

}  // namespace ubc::exporter
