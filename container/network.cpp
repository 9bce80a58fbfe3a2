// SPDX-License-Identifier: Apache-2.0
#include "container/network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/file.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>

#include "bpf/guest_links.h"
#include "container/bridge_ports.h"
#include "isolate/guest_files.h"
#include "isolate/guest_network.h"
#include "isolate/handshake.h"
#include "os/directory.h"
#include "os/process.h"
#include "os/route_socket.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

using isolate::fault_point;
using os::IpAddress;

ubc_address key_of(const IpAddress& address) {
  ubc_address key{};
  std::ranges::copy(address.mapped(), key.bytes);
  return key;
}

bool has_v6(const Addresses& addresses) {
  return std::ranges::any_of(addresses, [](const IpAddress& address) { return !address.is_v4(); });
}

/// Those of `all` that are not in `known`.
Addresses beyond(const Addresses& all, const Addresses& known) { return changed(all, {.drop_all = false, .drop = known, .add = {}}); }

BridgedLinks beyond(const BridgedLinks& all, const BridgedLinks& known) {
  BridgedLinks rest;
  std::ranges::copy_if(all, std::back_inserter(rest),
                       [&](const BridgedLink& link) { return std::ranges::find(known, link) == known.end(); });
  return rest;
}

/// The same at both ends: without neighbour discovery the kernel takes a link's own address for its neighbour's. Locally administered.
os::MacAddress mac_of(std::uint32_t id) {
  return {0x02,
          'u',
          static_cast<std::uint8_t>(id >> 24),
          static_cast<std::uint8_t>(id >> 16),
          static_cast<std::uint8_t>(id >> 8),
          static_cast<std::uint8_t>(id)};
}

/// Two that load the programs at once: the second waits, and finds them.
Result<bpf::GuestLinks> open_links(const Host& host) {
  const os::Fd lock = UBC_TRY(lock_file(host, "network.lock", LOCK_EX));
  bpf::GuestLinks links = UBC_TRY(bpf::GuestLinks::open(host.paths.network_pins));
  UBC_TRY(links.set_policy({.guest_to_guest = host.settings.guest_to_guest, .guest_to_host = host.settings.guest_to_host}));
  return links;
}

/// Guests' IPv6 is forwarded only where all of the host's is. An interface that takes router advertisements would stop to: it gets the
/// value that says "even if it forwards".
Result<> forward_v6(const Host& host, std::vector<std::string>& notes) {
  const std::string conf = host.paths.proc + "/sys/net/ipv6/conf";
  const auto now = os::read_text(conf + "/all/forwarding");
  if (!now) return os::error(Code::unsupported, "this host has no IPv6: leave the container's IPv6 addresses out");
  if (os::trimmed(*now) == "1") return {};
  for (const std::string& name : UBC_TRY(os::names_in(conf, os::Entries::directories))) {
    const std::string knob = fmt::format("{}/{}/accept_ra", conf, name);
    if (const auto accepts = os::read_text(knob); accepts && os::trimmed(*accepts) == "1") UBC_TRY(os::write_knob(knob, "2"));
  }
  UBC_TRY(os::write_knob(conf + "/all/forwarding", "1"));
  notes.emplace_back("IPv6 forwarding was off on this host and is on now; interfaces go on taking router advertisements (accept_ra 2)");
  return {};
}

Result<> make_pair(const os::RouteSocket& socket, std::uint32_t id, const os::Fd& guest) {
  const os::VethPair pair{host_link_of(id), mac_of(id), kRoutedLink, mac_of(id), guest.get()};
  auto made = socket.add_veth(pair);
  if (made || made.error().code != Code::exists) return made;
  UBC_TRY(socket.remove_link(pair.name));   // of a run whose record is gone
  return socket.add_veth(pair);
}

Result<> give(const bpf::GuestLinks& links, std::uint32_t id, unsigned index, const IpAddress& address) {
  return os::with_context(links.give(key_of(address), {.ifindex = index, .container = id}), fmt::format("address {}", address.text()));
}

Result<> add_route(const os::RouteSocket& socket, unsigned index, const IpAddress& address) {
  auto added = socket.add_host_route(index, address);
  if (added || added.error().code != Code::exists) return added;
  return os::error(Code::busy, "address {}: the host has a route to it already: ip route get {}", address.text(), address.text());
}

/// The routed link, and what it may carry: judged before it is up, routed to when all else stands.
Result<> plug_in(const Host& host, const bpf::GuestLinks& links, std::uint32_t id, const Addresses& addresses, const Rates& rates,
                 const os::Fd& guest, std::vector<std::string>& notes) {
  const auto socket = UBC_TRY(os::RouteSocket::open());
  UBC_TRY(make_pair(socket, id, guest));
  fault_point("network:linked");
  const unsigned index = os::link_index(host_link_of(id));
  ubc_link link{};
  link.container = id;
  link.kind = UBC_LINK_ROUTED;
  link.receive_rate = rates.receive;
  link.send_rate = rates.send;
  for (const IpAddress& address : addresses) UBC_TRY(give(links, id, index, address));   // first: they lead back to the link
  UBC_TRY(links.watch(index, link));
  fault_point("network:watched");
  UBC_TRY(socket.set_link(index, {.no_neighbours = true, .forwards = true}));
  if (has_v6(addresses)) UBC_TRY(forward_v6(host, notes));
  for (const IpAddress& address : addresses) UBC_TRY(add_route(socket, index, address));
  fault_point("network:routed");
  return {};
}

isolate::GuestLink guest_link(const Addresses& addresses) { return {kRoutedLink, addresses, true}; }

/// As of the link that stands, or else of the configuration.
Rates rates_now(const Host& host, std::uint32_t id) {
  const auto links = bpf::GuestLinks::open_existing(host.paths.network_pins);
  if (const auto link = links ? links->read(os::link_index(host_link_of(id))) : std::nullopt) return {link->receive_rate, link->send_rate};
  const auto config = accounting::ConfigFile::load(host.paths.config_of(id));
  const auto settings = config ? network_in(*config) : Result<NetworkSettings>{std::unexpected(config.error())};
  return settings ? settings->rates : Rates{};
}

/// The guest's network namespace: opened by its pid, which was still its own afterwards.
Result<os::Fd> namespace_of(const Running& guest) {
  os::Fd network = UBC_TRY(os::open_file(fmt::format("/proc/{}/ns/net", guest.record.init_pid), O_RDONLY));
  if (UBC_TRY(os::wait_for_exit(guest.pidfd, std::chrono::milliseconds{0})))
    return os::error(Code::bad_state, "the container has just ended");
  return network;
}

Result<> set_up_inside(const Running& guest, const isolate::GuestLink& link) {
  return isolate::in_network_of(guest.pidfd, [&] { return isolate::set_up_link(link); });
}

Result<> unplug_routed(const Host& host, std::uint32_t id, const Addresses& addresses) {
  const auto socket = UBC_TRY(os::RouteSocket::open());
  UBC_TRY(socket.remove_link(host_link_of(id)));
  const auto links = bpf::GuestLinks::open_existing(host.paths.network_pins);
  for (const IpAddress& address : addresses)
    if (const auto index = links ? links->take(key_of(address), id) : std::nullopt) links->forget(*index);
  return {};
}

/// A new routed link in the place of whatever there is; `given` are all addresses that it may have by now.
Result<> replug(const Host& host, std::uint32_t id, const Running& guest, const Addresses& given, const Addresses& addresses,
                std::vector<std::string>& notes) {
  const Rates rates = rates_now(host, id);
  UBC_TRY(unplug_routed(host, id, given));
  if (addresses.empty()) return {};
  const bpf::GuestLinks links = UBC_TRY(open_links(host));
  const os::Fd network = UBC_TRY(namespace_of(guest));
  UBC_TRY(plug_in(host, links, id, addresses, rates, network, notes));
  return set_up_inside(guest, guest_link(addresses));
}

Result<> unplug_bridged(const Host& host, std::uint32_t id, const BridgedLinks& bridged) {
  if (bridged.empty()) return {};
  const auto links = bpf::GuestLinks::open_existing(host.paths.network_pins);
  if (!links) return {};
  const auto socket = UBC_TRY(os::RouteSocket::open());
  for (const BridgedLink& link : bridged) UBC_TRY(unplug_from_bridge(*links, socket, id, link));
  return {};
}

Result<> plug_bridged(const Host& host, std::uint32_t id, const Running& guest, const BridgedLinks& bridged) {
  if (bridged.empty()) return {};
  const bpf::GuestLinks links = UBC_TRY(open_links(host));
  const os::Fd network = UBC_TRY(namespace_of(guest));
  const Rates rates = rates_now(host, id);
  for (const BridgedLink& link : bridged) {
    UBC_TRY(plug_into_bridge(host, links, id, link, rates, network));
    UBC_TRY(set_up_inside(guest, {link.name, {}, false}));
  }
  return {};
}

Result<> drop(const Host& host, std::uint32_t id, const Running& guest, unsigned index, const Addresses& addresses) {
  const bpf::GuestLinks links = UBC_TRY(open_links(host));
  const auto socket = UBC_TRY(os::RouteSocket::open());
  for (const IpAddress& address : addresses) {
    UBC_TRY(socket.remove_host_route(index, address));
    (void)links.take(key_of(address), id);
  }
  return isolate::in_network_of(guest.pidfd, [&] { return isolate::remove_addresses(guest_link(addresses)); });
}

Result<> add(const Host& host, std::uint32_t id, const Running& guest, unsigned index, const Addresses& addresses,
             std::vector<std::string>& notes) {
  const bpf::GuestLinks links = UBC_TRY(open_links(host));
  const auto socket = UBC_TRY(os::RouteSocket::open());
  for (const IpAddress& address : addresses) UBC_TRY(give(links, id, index, address));
  if (has_v6(addresses)) UBC_TRY(forward_v6(host, notes));
  UBC_TRY(set_up_inside(guest, guest_link(addresses)));
  fault_point("network:added");
  for (const IpAddress& address : addresses) UBC_TRY(add_route(socket, index, address));
  return {};
}

/// The least that leads from one to the other: what flows to the addresses that stay is not touched, unless the guest has lost its link.
Result<> move_to(const Host& host, std::uint32_t id, const Running& guest, const Addresses& wanted, std::vector<std::string>& notes) {
  const Addresses& now = guest.record.addresses;
  const unsigned index = os::link_index(host_link_of(id));
  const Addresses all = changed(now, {.drop_all = false, .drop = {}, .add = wanted});
  if (index == 0 || wanted.empty()) return replug(host, id, guest, all, wanted, notes);
  const auto done = [&]() -> Result<> {
    if (const Addresses gone = beyond(now, wanted); !gone.empty()) UBC_TRY(drop(host, id, guest, index, gone));
    fault_point("network:dropped");
    if (const Addresses fresh = beyond(wanted, now); !fresh.empty()) UBC_TRY(add(host, id, guest, index, fresh, notes));
    return {};
  }();
  return !done && done.error().code == Code::not_found ? replug(host, id, guest, all, wanted, notes) : done;
}

/// The host's own, in whatever form the C library lists them.
Addresses own_addresses() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> list{first, ::freeifaddrs};
  Addresses own;
  for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr) continue;
    char text[INET6_ADDRSTRLEN] = {};
    const int family = each->ifa_addr->sa_family;
    const void* bytes = family == AF_INET    ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr)
                        : family == AF_INET6 ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(each->ifa_addr)->sin6_addr)
                                             : nullptr;
    if (bytes == nullptr || ::inet_ntop(family, bytes, text, sizeof text) == nullptr) continue;
    if (const auto address = IpAddress::parse(text)) own.push_back(*address);
  }
  return own;
}

Result<> refuse_own(const Addresses& addresses) {
  if (addresses.empty()) return {};
  const Addresses own = own_addresses();
  for (const IpAddress& address : addresses)
    if (std::ranges::find(own, address) != own.end()) return os::error(Code::busy, "address {} is the host's own", address.text());
  return {};
}

}  // namespace

std::string host_link_of(std::uint32_t id) { return fmt::format("ubc{}", id); }

std::vector<LinkNames> links_of(std::uint32_t id, const RunRecord& record) {
  std::vector<LinkNames> links;
  if (!record.addresses.empty()) links.push_back({host_link_of(id), kRoutedLink});
  for (const BridgedLink& link : record.bridged) links.push_back({link.host_name, link.name});
  return links;
}

Result<> check_addresses(const Host& host, std::uint32_t id, const Addresses& addresses) {
  if (addresses.empty()) return {};
  UBC_TRY(refuse_own(addresses));
  for (const std::uint32_t other : known_ids(host)) {
    const auto config = accounting::ConfigFile::load(host.paths.config_of(other));
    if (other == id || !config) continue;
    const Addresses theirs = addresses_of(host, other, *config);
    for (const IpAddress& address : addresses)
      if (std::ranges::find(theirs, address) != theirs.end())
        return os::error(Code::busy, "address {} is in use by container {}: choose another", address.text(), other);
  }
  return {};
}

Result<> plan_network(const Host& host, std::uint32_t id, const NetworkSettings& network, isolate::GuestSpec& spec,
                      std::vector<std::string>& notes) {
  spec.resolv_conf = network.resolv_conf;
  if (network.addresses.empty() && network.bridged.empty()) return {};
  UBC_TRY(refuse_own(network.addresses));
  const auto links = std::make_shared<bpf::GuestLinks>(UBC_TRY(open_links(host)));   // loads programs: not on the builder's small stack
  if (!network.addresses.empty()) spec.links.push_back(guest_link(network.addresses));
  for (const BridgedLink& link : network.bridged) spec.links.push_back({link.name, {}, false});
  spec.connect = [&host, links, id, &network, &notes](pid_t guest) -> Result<> {
    const os::Fd there = UBC_TRY(os::open_file(fmt::format("/proc/{}/ns/net", guest), O_RDONLY));
    if (!network.addresses.empty()) UBC_TRY(plug_in(host, *links, id, network.addresses, network.rates, there, notes));
    for (const BridgedLink& link : network.bridged) UBC_TRY(plug_into_bridge(host, *links, id, link, network.rates, there));
    return {};
  };
  return {};
}

Result<> unplug(const Host& host, std::uint32_t id, const RunRecord& record) {
  if (!record.addresses.empty()) UBC_TRY(unplug_routed(host, id, record.addresses));
  if (record.bridged.empty()) return {};
  UBC_TRY(unplug_bridged(host, id, record.bridged));
  if (const auto links = bpf::GuestLinks::open_existing(host.paths.network_pins)) links->forget_bridged(id);  // whose interfaces are gone
  return {};
}

Result<bool> mend_network(const Host& host, std::uint32_t id, const Running& guest) {
  if (!guest.record.network_changing) return false;
  std::vector<std::string> unheard;
  const BridgedLinks bridged = changed(BridgedLinks{}, {.drop_all = false, .drop = {}, .add = guest.record.bridged});  // one of a name
  const auto mended = [&]() -> Result<> {
    UBC_TRY(replug(host, id, guest, guest.record.addresses, guest.record.addresses, unheard));
    UBC_TRY(unplug_bridged(host, id, guest.record.bridged));
    return plug_bridged(host, id, guest, bridged);
  }();
  UBC_TRY(os::with_context(mended, fmt::format("mending the network of container {}, whose change was interrupted", id)));
  RunRecord record = guest.record;
  record.bridged = bridged;
  record.network_changing = false;
  UBC_TRY(write_record(host, id, record));
  return true;
}

Result<> change_links(const Host& host, std::uint32_t id, const BridgedChange& change) {
  const Running guest = UBC_TRY(running(host, id));
  const BridgedLinks& before = guest.record.bridged;
  RunRecord record = guest.record;
  const BridgedLinks wanted = changed(before, change), gone = beyond(before, wanted), fresh = beyond(wanted, before);
  record.bridged = fresh;
  record.bridged.insert(record.bridged.end(), before.begin(),
                        before.end());  // both; of one name that which was there comes last, and is kept where this is interrupted
  record.network_changing = true;
  UBC_TRY(write_record(host, id, record));
  auto done = unplug_bridged(host, id, gone);
  fault_point("network:unplugged");
  if (done) done = plug_bridged(host, id, guest, fresh);
  if (!done) {
    UBC_TRY(unplug_bridged(host, id, fresh));
    UBC_TRY(plug_bridged(host, id, guest, gone));
  }
  record.bridged = done ? wanted : before;
  record.network_changing = false;
  UBC_TRY(write_record(host, id, record));
  return done;
}

Result<> change_addresses(const Host& host, std::uint32_t id, const AddressChange& change, std::vector<std::string>& notes) {
  const Running guest = UBC_TRY(running(host, id));
  RunRecord record = guest.record;
  const Addresses wanted = changed(record.addresses, change);
  const bool has_link = os::link_index(host_link_of(id)) != 0;
  if (wanted == record.addresses && has_link == !wanted.empty()) return {};
  UBC_TRY(refuse_own(beyond(wanted, record.addresses)));
  record.addresses = changed(record.addresses, {.drop_all = false, .drop = {}, .add = wanted});
  record.network_changing = true;
  UBC_TRY(write_record(host, id, record));
  fault_point("network:changing");
  const auto moved = move_to(host, id, guest, wanted, notes);
  if (!moved) UBC_TRY(os::with_context(replug(host, id, guest, record.addresses, guest.record.addresses, notes), moved.error().message));
  record.addresses = moved ? wanted : guest.record.addresses;
  record.network_changing = false;
  UBC_TRY(write_record(host, id, record));
  return moved;
}

Result<> change_rates(const Host& host, std::uint32_t id, const Rates& rates) {
  const Running guest = UBC_TRY(running(host, id));
  const auto present = links_of(id, guest.record);
  if (present.empty()) return {};
  const bpf::GuestLinks links = UBC_TRY(open_links(host));
  for (const LinkNames& link : present)
    if (const unsigned index = os::link_index(link.host); index != 0) UBC_TRY(links.set_rates(index, rates.receive, rates.send));
  return {};
}

Result<> change_names(const Host& host, std::uint32_t id, const GuestNames& names) {
  return act(host, id, [&]() -> Result<> {
    if (names.hostname) UBC_TRY(isolate::name_guest(*names.hostname));
    return names.resolv_conf ? isolate::replace_in_etc("resolv.conf", *names.resolv_conf) : Result<>{};
  });
}

std::optional<RefusedPackets> refused_packets(const Host& host, std::uint32_t id) {
  const auto guest = running(host, id);
  const auto links = bpf::GuestLinks::open_existing(host.paths.network_pins);
  if (!guest || !links) return std::nullopt;
  RefusedPackets refused;
  for (const LinkNames& names : links_of(id, guest->record))
    if (const auto link = links->read(os::link_index(names.host))) {
      refused.spoofed += link->refused[UBC_PACKET_SPOOFED];
      refused.denied += link->refused[UBC_PACKET_DENIED];
      refused.over_rate += link->refused[UBC_PACKET_OVER_RATE];
      refused.rates = {link->receive_rate, link->send_rate};
    }
  return refused;
}

Addresses addresses_of(const Host& host, std::uint32_t id, const accounting::ConfigFile& config) {
  if (const auto guest = running(host, id)) return guest->record.addresses;
  return parse_addresses(config.get("IP_ADDRESS").value_or("")).value_or(Addresses{});
}

}  // namespace ubc::container
