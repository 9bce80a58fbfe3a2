// SPDX-License-Identifier: Apache-2.0
// What create and set say of the network, in vzctl's words, and how a running container takes it up.
#include "cli/options.h"
#include "cli/report.h"
#include "container/container.h"
#include "container/network.h"

namespace ubc::cli {
namespace {

using container::Host;

/// One key of several texts, each checked.
Result<> join(const std::vector<std::string>& texts, const char* key, Result<> (*check)(std::string_view), Changes& changes) {
  if (texts.empty()) return {};
  std::string& joined = changes.keys[key];
  for (const std::string& text : texts) {
    if (!text.empty()) UBC_TRY(check(text));
    joined += (joined.empty() || text.empty() ? "" : " ") + text;
  }
  return {};
}

bool says_names(const Changes& changes) {
  return changes.keys.contains("HOSTNAME") || changes.keys.contains("NAMESERVER") || changes.keys.contains("SEARCHDOMAIN");
}

Result<> apply_addresses(const Host& host, const Say& say, std::uint32_t id, const Changes& changes) {
  const container::AddressChange& change = changes.addresses;
  if (change.empty()) return {};
  std::vector<std::string> notes;
  const auto done = container::change_addresses(host, id, change, notes);
  warn(notes);
  if (!done) return done;
  if (change.drop_all || !change.drop.empty())
    say(fmt::format("Deleting IP address(es): {}", change.drop_all ? "all" : container::text_of(change.drop)));
  if (!change.add.empty()) say(fmt::format("Adding IP address(es): {}", container::text_of(change.add)));
  return {};
}

Result<> apply_links(const Host& host, const Say& say, std::uint32_t id, const container::BridgedChange& change) {
  if (change.empty()) return {};
  UBC_TRY(container::change_links(host, id, change));
  say("Configure veth devices: done");
  return {};
}

Result<> apply_names(const Host& host, const Say& say, std::uint32_t id, const Changes& changes, const container::NetworkSettings& wanted) {
  if (!says_names(changes)) return {};
  container::GuestNames names;
  if (const auto name = changes.keys.find("HOSTNAME"); name != changes.keys.end())
    names.hostname = name->second.empty() ? std::to_string(id) : name->second;
  if (changes.keys.contains("NAMESERVER") || changes.keys.contains("SEARCHDOMAIN")) names.resolv_conf = wanted.resolv_conf;
  UBC_TRY(container::change_names(host, id, names));
  if (names.hostname) say(fmt::format("Set hostname: {}", *names.hostname));
  if (names.resolv_conf) say("File resolv.conf was modified");
  return {};
}

}  // namespace

void add_network_options(CLI::App& verb, NetworkOptions& options) {
  constexpr const char* kNetwork = "Network";
  const auto list = [&](const char* option, std::vector<std::string>& into, const char* help) {
    verb.add_option(option, into, help)->group(kNetwork)->allow_extra_args(false);
  };
  list("--ipadd", options.ipadd, "an address, IPv4 or IPv6, that the guest has from now on; may be said again");
  list("--ipdel", options.ipdel, "one that it has no more, or all");
  list("--nameserver", options.nameservers, "of /etc/resolv.conf inside; may be said again; empty: the guest's own file");
  list("--searchdomain", options.searchdomains, "likewise");
  list("--netif_add", options.netif_add, "a port of a bridge: name[,mac,host_ifname,host_mac],bridge; what is left empty is made up");
  list("--netif_del", options.netif_del, "the name of one that it has no more, or all");
  verb.add_option("--rate", options.rate, "bits a second at most, received[:sent], with K, M or G, or unlimited")->group(kNetwork);
}

Result<> add_network_changes(const NetworkOptions& options, Changes& changes) {
  for (const std::string& text : options.ipadd) changes.addresses.add.push_back(UBC_TRY(os::IpAddress::parse(text)));
  for (const std::string& text : options.ipdel) {
    if (text == "all")
      changes.addresses.drop_all = true;
    else
      changes.addresses.drop.push_back(UBC_TRY(os::IpAddress::parse(text)));
  }
  for (const std::string& text : options.netif_add) changes.links.add.push_back(UBC_TRY(container::parse_netif(text)));
  for (const std::string& text : options.netif_del) {
    if (text == "all")
      changes.links.drop_all = true;
    else
      changes.links.drop.push_back(text);
  }
  UBC_TRY(join(options.nameservers, "NAMESERVER", container::check_nameserver, changes));
  UBC_TRY(join(options.searchdomains, "SEARCHDOMAIN", container::check_searchdomain, changes));
  if (!options.rate.empty()) {
    UBC_TRY(container::parse_rates(options.rate));
    changes.keys["RATE"] = options.rate;
  }
  return {};
}

void name_links(Changes& changes, std::uint32_t id) {
  for (container::BridgedLink& link : changes.links.add)
    if (link.host_name.empty()) link.host_name = container::default_host_name(link.name, id);
}

bool concerns_network(const Changes& changes) {
  return !changes.addresses.empty() || !changes.links.empty() || changes.keys.contains("RATE") || says_names(changes);
}

int fail_network(const Error& error) {
  const bool in_use = error.code == Code::busy && error.message.starts_with("address ");
  return in_use ? fail(error, exit_ip_in_use) : fail(error);
}

int apply_network(const Host& host, const Say& say, std::uint32_t id, const Changes& changes, const accounting::ConfigFile& config) {
  if (!container::running(host, id))
    return fail({Code::bad_state, 0, "Unable to apply network parameters: container is not running"}, exit_not_running);
  const auto applied = [&]() -> Result<> {
    const container::NetworkSettings wanted = UBC_TRY(container::network_in(config));
    UBC_TRY(apply_addresses(host, say, id, changes));
    UBC_TRY(apply_links(host, say, id, changes.links));
    if (changes.keys.contains("RATE")) UBC_TRY(container::change_rates(host, id, wanted.rates));
    return apply_names(host, say, id, changes, wanted);
  }();
  return applied ? static_cast<int>(exit_ok) : fail_network(applied.error());
}

}  // namespace ubc::cli
