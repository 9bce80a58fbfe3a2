// SPDX-License-Identifier: Apache-2.0
// The one process that holds the consoles of all guests: what they print goes to their logs and to who is attached, what is typed goes to
// them. It is fed by ubctl start and asked by ubctl console (container/console.h); root alone reaches it.
#pragma once

#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "container/console_log.h"
#include "container/host.h"
#include "isolate/guest_spec.h"
#include "os/descriptor_message.h"
#include "os/fd.h"
#include "os/result.h"
#include "os/service_manager.h"

namespace ubc::container {

class ConsoleKeeper {
 public:
  using Complain = std::function<void(const std::string&)>;
  /// What it cannot do for one guest goes to `complain`. `manager` is the socket of who keeps descriptors over our restarts
  /// (os::notify). Fails with Code::busy where there is one already.
  [[nodiscard]] static Result<std::unique_ptr<ConsoleKeeper>> open(const Host& host, std::string manager, Complain complain);
  /// The consoles that an earlier keeper had given the manager.
  void take_over(std::vector<os::KeptDescriptor> kept);
  /// Until `ended` is set, by a signal. Consoles of guests that run are dead then, until their next start, where no manager keeps them.
  [[nodiscard]] Result<> run(const volatile std::sig_atomic_t& ended);

 private:
  struct Viewer {
    os::Fd socket;
    std::uint64_t unseen = 0;   ///< bytes that it was too slow for
  };
  struct Console {
    isolate::Pty pty;
    os::Fd guest;
    ConsoleLog log;
    std::string typed;          ///< that its terminal has not taken yet
    std::size_t printed = 0;    ///< in this tick
    bool paused = false;
    std::map<int, Viewer> viewers;   ///< by their sockets
  };

  ConsoleKeeper(const Host& host, std::string manager, Complain complain, os::Fd lock, os::Fd listener, os::Fd events);
  [[nodiscard]] Result<> watch(int fd, std::function<void()> handler);
  void unwatch(int fd);
  void welcome();
  void hear_stranger(const std::shared_ptr<os::Fd>& socket);
  /// Master, slave, pidfd.
  [[nodiscard]] Result<> keep(std::uint32_t id, std::vector<os::Fd> descriptors);
  void tell_manager(std::string_view state, std::span<const int> descriptors = {}) const;
  void attach(std::uint32_t id, os::Fd socket);
  void detach(std::uint32_t id, int viewer);
  void hear_viewer(std::uint32_t id, int viewer);
  void hear_guest(std::uint32_t id);
  void open_again(Console& console);
  std::size_t take_output(Console& console);
  void show(Console& console, std::string_view bytes);
  void pass_typed(Console& console);
  void forget(std::uint32_t id);
  void tick();
  [[nodiscard]] bool waits() const;

  const Host& host_;
  std::string manager_;
  Complain complain_;
  os::Fd lock_, listener_, events_;
  std::map<int, std::function<void()>> handlers_;   ///< by descriptor
  std::map<std::uint32_t, Console> consoles_;
};

}  // namespace ubc::container
