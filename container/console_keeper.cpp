// SPDX-License-Identifier: Apache-2.0
#include "container/console_keeper.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "container/console.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

constexpr int kTickMs = 100;
/// 64 KiB a second and console: a guest that prints more waits, as at a serial line, and the host's disk does not work for it.
constexpr std::size_t kPerTick = (64 << 10) / (1000 / kTickMs);
constexpr std::size_t kMostTyped = 4096;
constexpr std::size_t kLastWords = 64 << 10;   ///< that are taken of a guest that has ended

Result<os::Fd> listen_for(const Host& host) {
  const std::string path = console_socket(host);
  os::Fd socket{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket.valid()) return os::sys_error(errno, "make a socket");
  const sockaddr_un address = UBC_TRY(console_address(host));
  (void)::unlink(path.c_str());   // a dead one's: we hold the lock
  const mode_t mask = ::umask(0177);
  const bool bound = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int saved = errno;
  (void)::umask(mask);
  if (!bound) return os::sys_error(saved, "bind", path);
  if (::listen(socket.get(), 128) != 0) return os::sys_error(errno, "listen at", path);
  return socket;
}

/// Three a console.
void allow_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

bool is_root(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0;
}

/// Of a console: 0 the master, 1 the slave, 2 the guest.
std::size_t part_of(int fd) {
  struct stat seen{};
  if (::fstat(fd, &seen) != 0 || !S_ISCHR(seen.st_mode)) return 2;
  return seen.st_rdev == makedev(5, 2) ? 0 : 1;
}

Result<> incomplete() { return os::error(Code::corrupt, "its console came incomplete"); }

std::vector<int> numbers_of(const std::vector<os::Fd>& descriptors) {
  std::vector<int> numbers;
  for (const os::Fd& descriptor : descriptors) numbers.push_back(descriptor.get());
  return numbers;
}

}  // namespace

ConsoleKeeper::ConsoleKeeper(const Host& host, std::string manager, Complain complain, os::Fd lock, os::Fd listener, os::Fd events)
    : host_{host},
      manager_{std::move(manager)},
      complain_{std::move(complain)},
      lock_{std::move(lock)},
      listener_{std::move(listener)},
      events_{std::move(events)} {}

Result<std::unique_ptr<ConsoleKeeper>> ConsoleKeeper::open(const Host& host, std::string manager, Complain complain) {
  UBC_TRY(os::make_directories(host.paths.run));
  UBC_TRY(os::make_directories(host.paths.console_logs(), 0700));
  os::Fd lock = UBC_TRY(os::open_file(host.paths.run + "/console.lock", O_RDWR | O_CREAT, 0600));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return errno == EWOULDBLOCK ? os::error(Code::busy, "consoles are kept already: another ubctl console --keep runs")
                                : Result<std::unique_ptr<ConsoleKeeper>>{os::sys_error(errno, "lock", host.paths.run + "/console.lock")};
  os::Fd listener = UBC_TRY(listen_for(host));
  os::Fd events{::epoll_create1(EPOLL_CLOEXEC)};
  if (!events.valid()) return os::sys_error(errno, "make an epoll descriptor");
  allow_descriptors();
  std::unique_ptr<ConsoleKeeper> keeper{
      new ConsoleKeeper{host, std::move(manager), std::move(complain), std::move(lock), std::move(listener), std::move(events)}};
  UBC_TRY(keeper->watch(keeper->listener_.get(), [ours = keeper.get()] { ours->welcome(); }));
  return keeper;
}

Result<> ConsoleKeeper::run(const volatile std::sig_atomic_t& ended) {
  std::array<epoll_event, 64> ready{};
  tell_manager("READY=1");
  auto next_tick = std::chrono::steady_clock::now();
  while (ended == 0) {
    const int count = ::epoll_wait(events_.get(), ready.data(), static_cast<int>(ready.size()), waits() ? kTickMs : 1000);
    if (count < 0 && errno != EINTR) return os::sys_error(errno, "wait for consoles");
    for (int i = 0; i < count; ++i)
      if (const auto found = handlers_.find(ready[static_cast<std::size_t>(i)].data.fd); found != handlers_.end()) {
        const auto handler = found->second;   // it may unwatch itself
        handler();
      }
    if (const auto now = std::chrono::steady_clock::now(); now >= next_tick) tick(), next_tick = now + std::chrono::milliseconds{kTickMs};
  }
  (void)::unlink(console_socket(host_).c_str());
  return {};
}

Result<> ConsoleKeeper::watch(int fd, std::function<void()> handler) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  if (::epoll_ctl(events_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return os::sys_error(errno, "watch a console");
  handlers_[fd] = std::move(handler);
  return {};
}

void ConsoleKeeper::unwatch(int fd) {
  (void)::epoll_ctl(events_.get(), EPOLL_CTL_DEL, fd, nullptr);
  handlers_.erase(fd);
}

void ConsoleKeeper::welcome() {
  const auto socket = std::make_shared<os::Fd>(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket->valid() && is_root(socket->get())) (void)watch(socket->get(), [this, socket] { hear_stranger(socket); });
}

void ConsoleKeeper::hear_stranger(const std::shared_ptr<os::Fd>& socket) {
  auto message = os::receive_message(socket->get(), MSG_DONTWAIT);
  if (!message && message.error().sys_errno == EAGAIN) return;   // the event was another's, who had the same descriptor
  unwatch(socket->get());
  if (!message || message->text.empty()) return;
  const auto id = os::parse_number(message->text.substr(1));
  if (!id) return;
  if (message->text.front() == 'K') {
    const auto numbers = numbers_of(message->descriptors);
    if (const auto kept = keep(static_cast<std::uint32_t>(*id), std::move(message->descriptors)); !kept)
      return complain_(fmt::format("container {}: {}", *id, kept.error().message));
    tell_manager(fmt::format("FDSTORE=1\nFDPOLL=0\nFDNAME={}", *id), numbers);
  } else if (message->text.front() == 'A') {
    attach(static_cast<std::uint32_t>(*id), std::move(*socket));
  }
}

void ConsoleKeeper::take_over(std::vector<os::KeptDescriptor> kept) {
  std::map<std::uint32_t, std::vector<os::Fd>> consoles;
  for (os::KeptDescriptor& one : kept) {
    const auto id = os::parse_number(one.name);
    if (!id) continue;
    auto& parts = consoles[static_cast<std::uint32_t>(*id)];
    parts.resize(3);
    const std::size_t part = part_of(one.fd.get());
    parts[part] = std::move(one.fd);
  }
  for (auto& [id, parts] : consoles) {
    const bool whole = std::ranges::all_of(parts, [](const os::Fd& part) { return part.valid(); });
    if (const auto taken = whole ? keep(id, std::move(parts)) : incomplete(); !taken)
      complain_(fmt::format("container {}: {}", id, taken.error().message));
  }
}

void ConsoleKeeper::tell_manager(std::string_view state, std::span<const int> descriptors) const {
  if (const auto told = os::notify(manager_, state, descriptors); !told) complain_(told.error().message);
}

Result<> ConsoleKeeper::keep(std::uint32_t id, std::vector<os::Fd> descriptors) {
  if (descriptors.size() != 3) return incomplete();
  forget(id);   // of a run whose end has not been heard of yet
  Console console{{std::move(descriptors[0]), std::move(descriptors[1])},
                  std::move(descriptors[2]),
                  ConsoleLog{host_.paths.console_log_of(id)},
                  {},
                  0,
                  false,
                  {}};
  const int master = console.pty.master.get(), guest = console.guest.get();
  if (::fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK) != 0) return os::sys_error(errno, "keep its console");
  UBC_TRY(watch(master, [this, id] { hear_guest(id); }));
  UBC_TRY(watch(guest, [this, id] { forget(id); }));
  consoles_.emplace(id, std::move(console));
  return {};
}

void ConsoleKeeper::attach(std::uint32_t id, os::Fd socket) {
  const auto found = consoles_.find(id);
  const int viewer = socket.get();
  if (found == consoles_.end()) {
    (void)os::send_message(
        viewer, fmt::format("nthe console of container {} is not kept: it does not run, or runs since before its keeper did", id), {});
    return;
  }
  if (!watch(viewer, [this, id, viewer] { hear_viewer(id, viewer); })) return;
  found->second.viewers.emplace(viewer, Viewer{std::move(socket), 0});
  (void)os::send_message(viewer, "o", {}, MSG_DONTWAIT);
}

void ConsoleKeeper::detach(std::uint32_t id, int viewer) {
  unwatch(viewer);
  if (const auto found = consoles_.find(id); found != consoles_.end()) found->second.viewers.erase(viewer);
}

void ConsoleKeeper::hear_viewer(std::uint32_t id, int viewer) {
  const auto message = os::receive_message(viewer, MSG_DONTWAIT);
  if (!message && message.error().sys_errno == EAGAIN) return;
  const auto found = consoles_.find(id);
  if (!message || message->text.empty() || found == consoles_.end()) return detach(id, viewer);
  const std::string_view text = std::string_view{message->text}.substr(1);
  if (message->text.front() == 'w' && text.size() == sizeof(winsize)) {
    winsize size{};
    std::memcpy(&size, text.data(), sizeof size);
    (void)::ioctl(found->second.pty.master.get(), TIOCSWINSZ, &size);
  } else if (message->text.front() == 'd') {
    found->second.typed += text.substr(0, kMostTyped - std::min(kMostTyped, found->second.typed.size()));
    pass_typed(found->second);
  }
}

void ConsoleKeeper::pass_typed(Console& console) {
  const ssize_t put = console.typed.empty() ? 0 : ::write(console.pty.master.get(), console.typed.data(), console.typed.size());
  if (put > 0) console.typed.erase(0, static_cast<std::size_t>(put));
}

void ConsoleKeeper::hear_guest(std::uint32_t id) {
  const auto found = consoles_.find(id);
  if (found == consoles_.end()) return;
  Console& console = found->second;
  console.printed += take_output(console);
  if (console.printed < kPerTick || console.paused) return;
  epoll_event none{.events = 0, .data = {.fd = console.pty.master.get()}};
  console.paused = ::epoll_ctl(events_.get(), EPOLL_CTL_MOD, console.pty.master.get(), &none) == 0;
}

/// The end of a login's session hangs up whoever has the terminal open, us too: until somebody opens it anew its master has nothing but
/// errors.
void ConsoleKeeper::open_again(Console& console) {
  os::Fd slave{::ioctl(console.pty.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)};
  if (!slave.valid()) return unwatch(console.pty.master.get());
  console.pty.slave = std::move(slave);
}

std::size_t ConsoleKeeper::take_output(Console& console) {
  std::array<char, os::kLongestMessage - 1> buffer;
  const ssize_t got = ::read(console.pty.master.get(), buffer.data(), buffer.size());
  if (got < 0 && errno == EIO) open_again(console);
  if (got <= 0) return 0;
  const std::string_view bytes{buffer.data(), static_cast<std::size_t>(got)};
  console.log.append(bytes);
  show(console, bytes);
  return bytes.size();
}

void ConsoleKeeper::show(Console& console, std::string_view bytes) {
  for (auto& [socket, viewer] : console.viewers) {
    if (viewer.unseen != 0 &&
        os::send_message(socket, fmt::format("d\r\n[{} bytes were not shown: this terminal was too slow]\r\n", viewer.unseen), {},
                         MSG_DONTWAIT))
      viewer.unseen = 0;
    if (viewer.unseen != 0 || !os::send_message(socket, fmt::format("d{}", bytes), {}, MSG_DONTWAIT)) viewer.unseen += bytes.size();
  }
}

void ConsoleKeeper::forget(std::uint32_t id) {
  const auto found = consoles_.find(id);
  if (found == consoles_.end()) return;
  Console& console = found->second;
  for (std::size_t taken = 0, more = 1; more != 0 && taken < kLastWords; taken += more) more = take_output(console);
  for (const auto& [socket, viewer] : console.viewers) {
    (void)os::send_message(socket, "e", {}, MSG_DONTWAIT);
    unwatch(socket);
  }
  unwatch(console.pty.master.get());
  unwatch(console.guest.get());
  consoles_.erase(found);
  tell_manager(fmt::format("FDSTOREREMOVE=1\nFDNAME={}", id));
}

void ConsoleKeeper::tick() {
  for (auto& [id, console] : consoles_) {
    console.printed = 0;
    pass_typed(console);
    epoll_event again{.events = EPOLLIN, .data = {.fd = console.pty.master.get()}};
    if (console.paused) console.paused = ::epoll_ctl(events_.get(), EPOLL_CTL_MOD, console.pty.master.get(), &again) != 0;
  }
}

bool ConsoleKeeper::waits() const {
  for (const auto& [id, console] : consoles_)
    if (console.paused || !console.typed.empty()) return true;
  return false;
}

}  // namespace ubc::container
