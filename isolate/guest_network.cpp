// SPDX-License-Identifier: Apache-2.0
#include "isolate/guest_network.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>

#include "os/process.h"
#include "os/route_socket.h"

namespace ubc::isolate {
namespace {

Result<unsigned> find_link(const GuestLink& link) {
  const unsigned index = os::link_index(link.name);
  if (index == 0) return os::error(Code::not_found, "the guest has no link {} any more", link.name);
  return index;
}

}  // namespace

Result<> in_network_of(const os::Fd& guest, const std::function<Result<>()>& body) {
  Result<> done = os::error(Code::system, "the one who joins the guest's network was killed");
  const pid_t joiner = os::run_as_child([&] {
    done = ::setns(guest.get(), CLONE_NEWNET) == 0 ? body() : Result<>{os::sys_error(errno, "join the guest's network namespace")};
    return 0;
  });
  if (joiner < 0) return os::sys_error(errno, "fork");
  UBC_TRY(os::wait_for_child(joiner));
  return done;
}

Result<> set_up_link(const GuestLink& link) {
  const unsigned index = UBC_TRY(find_link(link));
  const auto socket = UBC_TRY(os::RouteSocket::open());
  UBC_TRY(socket.set_link(index, {.no_neighbours = link.routed}));
  for (const os::IpAddress& address : link.addresses) UBC_TRY(socket.add_address(index, address));
  for (const bool v4 : {true, false})
    if (std::ranges::any_of(link.addresses, [v4](const os::IpAddress& address) { return address.is_v4() == v4; }))
      UBC_TRY(socket.set_default_route(index, v4));
  return {};
}

Result<> remove_addresses(const GuestLink& link) {
  const unsigned index = UBC_TRY(find_link(link));
  const auto socket = UBC_TRY(os::RouteSocket::open());
  for (const os::IpAddress& address : link.addresses) UBC_TRY(socket.remove_address(index, address));
  return {};
}

}  // namespace ubc::isolate
