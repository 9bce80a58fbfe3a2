// SPDX-License-Identifier: Apache-2.0
#include "container/bridge_ports.h"

#include <unistd.h>

#include <algorithm>

#include "isolate/handshake.h"

namespace ubc::container {
namespace {

using isolate::fault_point;

/// The table of links knows which interfaces of the host are ours: a name alone says nothing.
bool is_ours(const bpf::GuestLinks& links, std::uint32_t id, unsigned index) {
  const auto known = links.read(index);
  return known && known->container == id && known->kind == UBC_LINK_BRIDGED;
}

}  // namespace

Result<> plug_into_bridge(const Host& host, const bpf::GuestLinks& links, std::uint32_t id, const BridgedLink& link, const Rates& rates,
                          const os::Fd& guest) {
  const auto socket = UBC_TRY(os::RouteSocket::open());
  const unsigned bridge = os::link_index(link.bridge);
  if (bridge == 0 || ::access(fmt::format("/sys/class/net/{}/bridge", link.bridge).c_str(), F_OK) != 0)
    return os::error(Code::bad_value, "the host has no bridge {} for {}: ip link add {} type bridge", link.bridge, link.name, link.bridge);
  UBC_TRY(unplug_from_bridge(links, socket, id, link));   // of a run whose record is gone
  if (os::link_index(link.host_name) != 0)
    return os::error(Code::busy, "interface {} of the host is not container {}'s: choose another host_ifname for {}", link.host_name, id,
                     link.name);
  UBC_TRY(socket.add_veth({link.host_name, link.host_mac, link.name, link.mac, guest.get()}));
  ubc_link port{};
  port.container = id;
  port.kind = UBC_LINK_BRIDGED;
  std::ranges::copy(link.mac, port.mac);
  port.any_mac = link.mac_filter ? 0 : 1;
  port.receive_rate = rates.receive;
  port.send_rate = rates.send;
  const unsigned index = os::link_index(link.host_name);
  UBC_TRY(links.watch(index, port));
  fault_point("network:bridged");
  return socket.set_link(index, {.bridge = bridge, .isolated_port = !host.settings.guest_to_guest});
}

Result<> unplug_from_bridge(const bpf::GuestLinks& links, const os::RouteSocket& socket, std::uint32_t id, const BridgedLink& link) {
  const unsigned index = os::link_index(link.host_name);
  if (index == 0 || !is_ours(links, id, index)) return {};
  UBC_TRY(socket.remove_link(link.host_name));
  links.forget(index);
  return {};
}

}  // namespace ubc::container
