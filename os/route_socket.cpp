// SPDX-License-Identifier: Apache-2.0
#include "os/route_socket.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <new>
#include <span>
#include <utility>

namespace ubc::os {
namespace {

/// Marks our routes, for `ip route show proto 117`.
constexpr unsigned char kRouteProtocol = 117;
constexpr std::uint8_t kGateway4[] = {169, 254, 1, 1};
constexpr std::uint8_t kGateway6[] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

unsigned char family_of(bool v4) { return v4 ? AF_INET : AF_INET6; }
unsigned char bits_of(bool v4) { return v4 ? 32 : 128; }

template <typename Header>
nl_msg* message_of(int type, int flags, Header header) {
  nl_msg* message = nlmsg_alloc_simple(type, flags | NLM_F_REQUEST | NLM_F_ACK);
  if (message == nullptr) throw std::bad_alloc{};   // as a string would
  (void)nlmsg_append(message, &header, sizeof header, NLMSG_ALIGNTO);
  return message;
}

void put(nl_msg* message, int attribute, std::span<const std::uint8_t> bytes) {
  (void)nla_put(message, attribute, static_cast<int>(bytes.size()), bytes.data());
}

template <typename Body>
void nest(nl_msg* message, int attribute, Body body) {
  nlattr* start = nla_nest_start(message, attribute);
  body();
  (void)nla_nest_end(message, start);
}

/// The per-family settings: the same as writing to /proc/sys, in one call.
void put_families(nl_msg* message, const LinkChange& change, bool has_v6) {
  nest(message, IFLA_AF_SPEC, [&] {
    if (change.forwards)
      nest(message, AF_INET, [&] {
        nest(message, IFLA_INET_CONF, [&] {
          (void)nla_put_u32(message, IPV4_DEVCONF_FORWARDING, 1);
          (void)nla_put_u32(message, IPV4_DEVCONF_ACCEPT_REDIRECTS, 0);
          (void)nla_put_u32(message, IPV4_DEVCONF_SEND_REDIRECTS, 0);
          (void)nla_put_u32(message, IPV4_DEVCONF_ACCEPT_SOURCE_ROUTE, 0);
        });
      });
    if (has_v6) nest(message, AF_INET6, [&] { (void)nla_put_u8(message, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE); });
  });
}

nl_msg* address_message(int type, int flags, unsigned link, const IpAddress& address) {
  ifaddrmsg header{};
  header.ifa_family = family_of(address.is_v4());
  header.ifa_prefixlen = bits_of(address.is_v4());
  header.ifa_index = link;
  header.ifa_flags = IFA_F_NODAD;
  nl_msg* message = message_of(type, flags, header);
  put(message, IFA_LOCAL, address.bytes());
  if (address.is_v4()) put(message, IFA_ADDRESS, address.bytes());
  return message;
}

rtmsg route_header(bool v4, unsigned char bits, unsigned char scope) {
  rtmsg header{};
  header.rtm_family = family_of(v4);
  header.rtm_dst_len = bits;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = kRouteProtocol;
  header.rtm_scope = v4 ? scope : static_cast<unsigned char>(RT_SCOPE_UNIVERSE);
  header.rtm_type = RTN_UNICAST;
  return header;
}

nl_msg* route_message(int type, int flags, unsigned link, bool v4, std::span<const std::uint8_t> to) {
  nl_msg* message = message_of(type, flags, route_header(v4, bits_of(v4), RT_SCOPE_LINK));
  put(message, RTA_DST, to);
  (void)nla_put_u32(message, RTA_OIF, link);
  return message;
}

/// The kernel's answer to what was asked.
struct Answer {
  int sys_errno = 0;
  std::string words;
};

int take_error(sockaddr_nl*, nlmsgerr* error, void* into) {
  Answer& answer = *static_cast<Answer*>(into);
  answer.sys_errno = -error->error;
  auto* header = reinterpret_cast<nlmsghdr*>(reinterpret_cast<char*>(error) - NLMSG_HDRLEN);
  const nlattr* words =
      (header->nlmsg_flags & NLM_F_ACK_TLVS) != 0 ? nlmsg_find_attr(header, sizeof(nlmsgerr), NLMSGERR_ATTR_MSG) : nullptr;
  if (words != nullptr) answer.words = nla_get_string(words);
  return NL_STOP;
}

}  // namespace

void RouteSocket::Free::operator()(nl_sock* socket) const { nl_socket_free(socket); }

Result<RouteSocket> RouteSocket::open() {
  std::unique_ptr<nl_sock, Free> socket{nl_socket_alloc()};
  if (!socket) return sys_error(ENOMEM, "make a netlink socket");
  errno = 0;
  if (nl_connect(socket.get(), NETLINK_ROUTE) != 0) return sys_error(errno, "connect a netlink socket");
  // What the kernel says of a failure, without the request that it answers.
  for (const int option : {NETLINK_EXT_ACK, NETLINK_CAP_ACK}) {
    const int on = 1;
    (void)::setsockopt(nl_socket_get_fd(socket.get()), SOL_NETLINK, option, &on, sizeof on);
  }
  return RouteSocket{std::move(socket)};
}

int RouteSocket::ask(nl_msg* message, std::string& words) const {
  Answer answer;
  (void)nl_socket_modify_err_cb(socket_.get(), NL_CB_CUSTOM, take_error, &answer);
  const int sent = nl_send_auto(socket_.get(), message);
  nlmsg_free(message);
  if (sent < 0) return EIO;
  const int received = nl_wait_for_ack(socket_.get());
  words = std::move(answer.words);
  return received < 0 && answer.sys_errno == 0 ? EIO : answer.sys_errno;
}

Result<> RouteSocket::change(nl_msg* message, std::string_view action, std::string_view object) const {
  std::string words;
  const int failed = ask(message, words);
  if (failed == 0) return {};
  auto told = sys_error(failed, action, object);
  if (words.empty()) return told;
  Error error = told.error();
  error.message += fmt::format(" ({})", words);
  return std::unexpected(error);
}

Result<> RouteSocket::add_veth(const VethPair& pair) const {
  nl_msg* message = message_of(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
  (void)nla_put_string(message, IFLA_IFNAME, pair.name.c_str());
  put(message, IFLA_ADDRESS, pair.mac);
  nest(message, IFLA_LINKINFO, [&] {
    (void)nla_put_string(message, IFLA_INFO_KIND, "veth");
    nest(message, IFLA_INFO_DATA, [&] {
      nest(message, VETH_INFO_PEER, [&] {
        const ifinfomsg peer{};
        (void)nlmsg_append(message, const_cast<ifinfomsg*>(&peer), sizeof peer, NLMSG_ALIGNTO);
        (void)nla_put_string(message, IFLA_IFNAME, pair.peer_name.c_str());
        put(message, IFLA_ADDRESS, pair.peer_mac);
        (void)nla_put_u32(message, IFLA_NET_NS_FD, static_cast<std::uint32_t>(pair.peer_namespace));
      });
    });
  });
  return change(message, "make the link", pair.name);
}

Result<> RouteSocket::remove_link(const std::string& name) const {
  nl_msg* message = message_of(RTM_DELLINK, 0, ifinfomsg{});
  (void)nla_put_string(message, IFLA_IFNAME, name.c_str());
  auto removed = change(message, "remove the link", name);
  return !removed && removed.error().sys_errno == ENODEV ? Result<>{} : removed;
}

Result<> RouteSocket::set_link(unsigned link, const LinkChange& wanted) const {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(link);
  header.ifi_flags = header.ifi_change = static_cast<unsigned>(wanted.no_neighbours ? IFF_UP | IFF_NOARP : IFF_UP);
  const auto set = [&](bool has_v6) {
    nl_msg* message = message_of(RTM_NEWLINK, 0, header);
    if (wanted.no_neighbours || wanted.forwards || wanted.bridge) put_families(message, wanted, has_v6);
    if (wanted.bridge) (void)nla_put_u32(message, IFLA_MASTER, *wanted.bridge);
    return change(message, "set up link", std::to_string(link));
  };
  auto done = set(true);
  if (!done && done.error().sys_errno == EAFNOSUPPORT) done = set(false);   // booted without IPv6
  if (!done || !wanted.isolated_port) return done;
  header = {};
  header.ifi_family = AF_BRIDGE;
  header.ifi_index = static_cast<int>(link);
  nl_msg* message = message_of(RTM_SETLINK, 0, header);
  nest(message, IFLA_PROTINFO | NLA_F_NESTED, [&] { (void)nla_put_u8(message, IFLA_BRPORT_ISOLATED, *wanted.isolated_port ? 1 : 0); });
  return change(message, "set up the bridge's port, link", std::to_string(link));
}

Result<> RouteSocket::add_address(unsigned link, const IpAddress& address) const {
  return change(address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, link, address), "add the address", address.text());
}

Result<> RouteSocket::remove_address(unsigned link, const IpAddress& address) const {
  auto removed = change(address_message(RTM_DELADDR, 0, link, address), "remove the address", address.text());
  return !removed && (removed.error().sys_errno == EADDRNOTAVAIL || removed.error().sys_errno == ENODEV) ? Result<>{} : removed;
}

Result<> RouteSocket::add_host_route(unsigned link, const IpAddress& address) const {
  return change(route_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, link, address.is_v4(), address.bytes()), "add the route to",
                address.text());
}

Result<> RouteSocket::remove_host_route(unsigned link, const IpAddress& address) const {
  auto removed = change(route_message(RTM_DELROUTE, 0, link, address.is_v4(), address.bytes()), "remove the route to", address.text());
  return !removed && (removed.error().sys_errno == ESRCH || removed.error().sys_errno == ENODEV) ? Result<>{} : removed;
}

Result<> RouteSocket::set_default_route(unsigned link, bool v4) const {
  constexpr int kReplace = NLM_F_CREATE | NLM_F_REPLACE;
  if (v4) UBC_TRY(change(route_message(RTM_NEWROUTE, kReplace, link, true, kGateway4), "add the route to", "the gateway"));
  nl_msg* message = message_of(RTM_NEWROUTE, kReplace, route_header(v4, 0, RT_SCOPE_UNIVERSE));
  (void)nla_put_u32(message, RTA_OIF, link);
  if (v4)
    put(message, RTA_GATEWAY, kGateway4);
  else
    put(message, RTA_GATEWAY, kGateway6);
  return change(message, "add the default route over link", std::to_string(link));
}

unsigned link_index(const std::string& name) { return ::if_nametoindex(name.c_str()); }

}  // namespace ubc::os
