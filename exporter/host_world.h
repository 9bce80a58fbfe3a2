// SPDX-License-Identifier: Apache-2.0
// This host, as the API and the console see it.
#pragma once

#include "container/host.h"
#include "exporter/runner.h"
#include "exporter/world.h"

namespace ubc::exporter {

class HostWorld : public World {
 public:
  /// `runner`: nullptr where nothing may be changed.
  HostWorld(container::Host host, Runner* runner) : host_{std::move(host)}, runner_{runner} {}

  AboutHost about() override;
  WorldReading read() override;
  Result<std::vector<accounting::UsageRow>> usage(std::uint32_t id) override;
  std::vector<container::Refusal> last_refusals(std::uint32_t id) override;
  RefusalNews refusals_since(std::uint64_t cursor) override;
  Result<std::vector<container::LimitChange>> preview(std::uint32_t id, const accounting::AllLimits& changes) override;
  void act(const Action& action, std::function<void(ActionResult)> done) override;

 private:
  container::Host host_;
  Runner* runner_;
};

}  // namespace ubc::exporter
