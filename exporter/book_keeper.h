// SPDX-License-Identifier: Apache-2.0
// Reads the books at each scrape; nothing is cached but what the kernel can do, which is learnt once.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "container/host.h"
#include "exporter/collectors.h"
#include "exporter/exposition.h"
#include "exporter/families.h"
#include "exporter/http_server.h"

namespace ubc::exporter {

class BookKeeper {
 public:
  BookKeeper(container::Host host, const CollectorSet& collectors, std::shared_ptr<const Abilities> abilities, const HttpServer& server);

  /// Of the collectors that are on and wanted. What could not be read goes to the log, and is counted.
  void write(const CollectorSet& wanted, Exposition& out);
  /// By cAdvisor's names; false, and nothing is read, where that collector is off.
  [[nodiscard]] bool write_cadvisor(Exposition& out);
  /// From the next scrape on.
  void use(container::Host host, const CollectorSet& collectors) { host_ = std::move(host), collectors_ = collectors; }
  /// A reading besides the scrapes'.
  void look(const HostReading& host) { own_.crossings->look(host); }
  /// The configuration was read again, now.
  void note_reload(bool successful);

 private:
  void note(const Error& failure);

  container::Host host_;
  CollectorSet collectors_;
  const HttpServer& server_;
  OwnReading own_;   ///< what outlives a scrape
};

}  // namespace ubc::exporter
