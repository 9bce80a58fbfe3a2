// SPDX-License-Identifier: Apache-2.0
// A host that isn't there, for the API and the console: its containers do what a test says, and what is asked of ubctl happens to them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exporter/world.h"

namespace ubc::test {

class MadeUpWorld : public exporter::World {
 public:
  exporter::WorldReading now;
  std::vector<container::Refusal> refused;   ///< oldest first
  std::vector<exporter::Action> done;        ///< what was asked of ubctl
  std::uint64_t missed = 0;                  ///< refusals that the next reader comes too late for
  exporter::ActionResult next_result;        ///< of the next action; its status other than 0: nothing happens

  exporter::AboutHost about() override { return {"hn14", "6.12.48+deb12-amd64", 16, std::uint64_t{64} << 30U}; }
  exporter::WorldReading read() override { return now; }
  Result<std::vector<accounting::UsageRow>> usage(std::uint32_t id) override;
  std::vector<container::Refusal> last_refusals(std::uint32_t id) override;
  exporter::RefusalNews refusals_since(std::uint64_t cursor) override;
  Result<std::vector<container::LimitChange>> preview(std::uint32_t id, const accounting::AllLimits& changes) override;
  void act(const exporter::Action& action, std::function<void(exporter::ActionResult)> done) override;

  /// nullptr: there is none that runs.
  [[nodiscard]] exporter::ContainerReading* find(std::uint32_t id);
  /// What is summed grows by what each uses in so many seconds, `times` as much as usual.
  void advance(double seconds, double times = 1);
  /// A refusal of one more, as a hook would write it down: failcnt too.
  void refuse(std::uint32_t id, ubc_resource resource, std::string_view program, std::string_view call);

 private:
  void set(std::uint32_t id, const std::vector<std::string>& arguments);
  void move(std::uint32_t id, std::vector<exporter::ContainerReading>& from, std::vector<exporter::ContainerReading>& to);
};

/// Ten containers of a busy host: one near its barrier, one that was refused, one adopted, two stopped.
void populate(MadeUpWorld& world);

}  // namespace ubc::test
