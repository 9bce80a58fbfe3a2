// SPDX-License-Identifier: Apache-2.0
// Rollback: half-done work undoes itself, in reverse, unless commit() was called.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace ubc::os {

class Rollback {
 public:
  Rollback() = default;
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;
  ~Rollback() { undo(); }

  /// Registers the undo of the step that has just succeeded. It must not throw.
  void add(std::function<void()> step) { steps_.push_back(std::move(step)); }
  void commit() { steps_.clear(); }
  void undo() {
    while (!steps_.empty()) {
      auto step = std::move(steps_.back());
      steps_.pop_back();
      step();
    }
  }

 private:
  std::vector<std::function<void()>> steps_;
};

}  // namespace ubc::os
