// SPDX-License-Identifier: Apache-2.0
// Links, addresses and routes, by rtnetlink over libnl, in the network namespace of the thread that opened the socket.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "os/fd.h"
#include "os/ip_address.h"
#include "os/mac_address.h"
#include "os/result.h"

struct nl_sock;
struct nl_msg;

namespace ubc::os {

/// A pair of links; one end is here, the other is born in another network namespace.
struct VethPair {
  std::string name;          ///< at most 15 characters
  MacAddress mac{};
  std::string peer_name;
  MacAddress peer_mac{};
  int peer_namespace = -1;   ///< a descriptor of it
};

/// What set_link() changes besides bringing it up.
struct LinkChange {
  bool no_neighbours = false;              ///< neither ARP nor neighbour discovery, and no link-local address: it has one neighbour
  bool forwards = false;                   ///< IPv4 that comes from it, without redirects or source routes
  std::optional<unsigned> bridge = {};   ///< the index of the bridge that it becomes a port of, without an address of its own
  std::optional<bool> isolated_port = {};       ///< of a bridge: it reaches no other isolated one
};

class RouteSocket {
 public:
  [[nodiscard]] static Result<RouteSocket> open();

  /// Fails with Code::exists where there is a link of that name, here or there.
  [[nodiscard]] Result<> add_veth(const VethPair& pair) const;
  /// And its other end. One that is not there is no error.
  [[nodiscard]] Result<> remove_link(const std::string& name) const;
  /// Changes it and brings it up.
  [[nodiscard]] Result<> set_link(unsigned link, const LinkChange& wanted) const;

  /// A single address, /32 or /128, in use at once; one that is there already is no error.
  [[nodiscard]] Result<> add_address(unsigned link, const IpAddress& address) const;
  /// One that is not there is no error.
  [[nodiscard]] Result<> remove_address(unsigned link, const IpAddress& address) const;

  /// To that address, over the link. Fails with Code::exists where there is a route to it.
  [[nodiscard]] Result<> add_host_route(unsigned link, const IpAddress& address) const;
  /// One that is not there is no error.
  [[nodiscard]] Result<> remove_host_route(unsigned link, const IpAddress& address) const;
  /// All else over the link, by a gateway that nobody has to have: for a link with no_neighbours. A route that is there is replaced.
  [[nodiscard]] Result<> set_default_route(unsigned link, bool v4) const;

 private:
  struct Free {
    void operator()(nl_sock* socket) const;
  };
  explicit RouteSocket(std::unique_ptr<nl_sock, Free> socket) : socket_{std::move(socket)} {}
  /// Sends, frees the message, and waits for the kernel's answer: 0 or its errno; its words, if it has any, are in `words`.
  [[nodiscard]] int ask(nl_msg* message, std::string& words) const;
  [[nodiscard]] Result<> change(nl_msg* message, std::string_view action, std::string_view object) const;

  std::unique_ptr<nl_sock, Free> socket_;
};

/// 0: there is none.
[[nodiscard]] unsigned link_index(const std::string& name);

}  // namespace ubc::os
