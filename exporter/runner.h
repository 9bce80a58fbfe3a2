// SPDX-License-Identifier: Apache-2.0
// Who runs ubctl for ubcd: a process of its own, forked before anything is listened to. It keeps root's rights, hears only from ubcd, and
// runs nothing but ubctl's set, start, stop and restart; so ubcd itself, which strangers talk to, may drop all that these need.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "exporter/world.h"
#include "os/fd.h"
#include "os/result.h"

namespace ubc::exporter {

/// "set 101 --numproc 10:12 --save" as arguments; fails with Code::denied for a verb or an argument that no Action has. (Pure.)
[[nodiscard]] Result<std::vector<std::string>> arguments_of(const Action& action);

class Runner {
 public:
  static constexpr std::size_t kMostAtOnce = 8;

  /// Forks it. Call it before threads, and before rights are dropped. It ends with ubcd; commands under way are not interrupted.
  [[nodiscard]] static Result<Runner> start(const std::string& ubctl, const container::HostPaths& paths);

  /// `done` is called by take_results(), once. Fails (by a result with complaints) where too many run.
  void run(const Action& action, std::function<void(ActionResult)> done);
  /// To be called whenever descriptor() can be read. False: the process is gone, and whoever waits has been told.
  bool take_results();
  [[nodiscard]] int descriptor() const { return socket_.get(); }

 private:
  explicit Runner(os::Fd socket) : socket_{std::move(socket)} {}

  os::Fd socket_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, std::function<void(ActionResult)>> waiting_;
};

}  // namespace ubc::exporter
