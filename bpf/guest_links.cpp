// SPDX-License-Identifier: Apache-2.0
#include "bpf/guest_links.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "network.id.h"
#include "network.skel.h"

namespace ubc::bpf {
namespace {

constexpr const char* kMaps[] = {"addresses", "links", "policy"};

std::string map_pin(const std::string& pins, const char* map) { return fmt::format("{}/{}-{}", pins, map, UBC_NETWORK_LAYOUT); }
std::string program_pin(const std::string& pins, const char* program) { return fmt::format("{}/{}-{}", pins, program, UBC_PROGRAMS_ID); }

/// What libbpf says besides its return values is about links that have our filter's place already.
int say_nothing(libbpf_print_level, const char*, va_list) { return 0; }

struct Close {
  void operator()(network_bpf* skeleton) const { network_bpf__destroy(skeleton); }
};

Result<> pin(bpf_program* program, const std::string& pins, const char* name) {
  const std::string path = program_pin(pins, name);
  const int failed = bpf_program__pin(program, path.c_str());
  return failed == 0 || failed == -EEXIST ? Result<>{} : Result<>{os::sys_error(-failed, "pin", path)};
}

/// Maps that are pinned are taken, and others pinned, as they are loaded.
Result<> load(const std::string& pins) {
  UBC_TRY(os::make_directories(pins, 0700));
  const std::unique_ptr<network_bpf, Close> skeleton{network_bpf__open()};
  if (!skeleton) return os::sys_error(errno, "open the BPF object of guests' links");
  for (const char* name : kMaps)
    if (const int failed = bpf_map__set_pin_path(bpf_object__find_map_by_name(skeleton->obj, name), map_pin(pins, name).c_str());
        failed != 0)
      return os::sys_error(-failed, "name the pin of the map", name);
  if (const int failed = network_bpf__load(skeleton.get()); failed != 0)
    return os::error(failed == -EINVAL || failed == -ENOTSUP ? Code::unsupported : os::code_of(-failed),
                     "load the BPF programs that guard guests' links: {}; what is pinned in {} may be another version's: stop all "
                     "containers with an address, and remove it",
                     strerrordesc_np(-failed), pins);
  UBC_TRY(pin(skeleton->progs.to_guest, pins, "to_guest"));
  return pin(skeleton->progs.from_guest, pins, "from_guest");   // the last: with it all is there
}

Result<> attach(const os::Fd& program, unsigned ifindex, bpf_tc_attach_point where) {
  LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(ifindex), .attach_point = where);
  LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program.get(), .flags = BPF_TC_F_REPLACE, .handle = 1, .priority = 1);
  if (const int failed = bpf_tc_hook_create(&hook); failed != 0 && failed != -EEXIST)
    return os::sys_error(-failed, "prepare link", fmt::format("{} for a filter (modules sch_ingress, cls_bpf)", ifindex));
  const int failed = bpf_tc_attach(&hook, &options);
  return failed == 0 ? Result<>{} : Result<>{os::sys_error(-failed, "attach the guard of link", std::to_string(ifindex))};
}

bool link_exists(unsigned ifindex) {
  char name[IF_NAMESIZE];
  return ::if_indextoname(ifindex, name) != nullptr;
}

}  // namespace

std::optional<GuestLinks> GuestLinks::open_existing(const std::string& pins) {
  const auto object = [](const std::string& path) { return os::Fd{bpf_obj_get(path.c_str())}; };
  GuestLinks opened;
  opened.from_guest_ = object(program_pin(pins, "from_guest"));
  opened.to_guest_ = object(program_pin(pins, "to_guest"));
  opened.addresses_ = object(map_pin(pins, "addresses"));
  opened.links_ = object(map_pin(pins, "links"));
  opened.policy_ = object(map_pin(pins, "policy"));
  const bool maps = opened.addresses_.valid() && opened.links_.valid() && opened.policy_.valid();
  return maps ? std::optional{std::move(opened)} : std::nullopt;
}

Result<GuestLinks> GuestLinks::open(const std::string& pins) {
  (void)libbpf_set_print(say_nothing);
  auto there = open_existing(pins);
  if (there && there->from_guest_.valid() && there->to_guest_.valid()) return *std::move(there);
  UBC_TRY(load(pins));
  there = open_existing(pins);
  if (!there || !there->from_guest_.valid() || !there->to_guest_.valid())
    return os::error(Code::system, "the pins in {} are gone again", pins);
  return *std::move(there);
}

Result<> GuestLinks::set_policy(const ubc_network_policy& policy) const {
  const std::uint32_t zero = 0;
  return bpf_map_update_elem(policy_.get(), &zero, &policy, BPF_ANY) == 0 ? Result<>{}
                                                                          : Result<>{os::sys_error(errno, "set the network policy")};
}

Result<> GuestLinks::watch(unsigned ifindex, const ubc_link& link) const {
  if (bpf_map_update_elem(links_.get(), &ifindex, &link, BPF_ANY) != 0)
    return os::sys_error(errno, "enter into the table of guests' links", std::to_string(ifindex));
  UBC_TRY(attach(from_guest_, ifindex, BPF_TC_INGRESS));
  return link.receive_rate == 0 ? Result<>{} : attach(to_guest_, ifindex, BPF_TC_EGRESS);
}

Result<> GuestLinks::set_rates(unsigned ifindex, std::uint64_t receive, std::uint64_t send) const {
  auto link = read(ifindex);
  if (!link) return os::error(Code::not_found, "link {} is no guest's", ifindex);
  link->receive_rate = receive;
  link->send_rate = send;
  if (bpf_map_update_elem(links_.get(), &ifindex, &*link, BPF_EXIST) != 0)
    return os::sys_error(errno, "set the rate of link", std::to_string(ifindex));
  return receive == 0 ? Result<>{} : attach(to_guest_, ifindex, BPF_TC_EGRESS);
}

std::optional<ubc_link> GuestLinks::read(unsigned ifindex) const {
  ubc_link link{};
  return bpf_map_lookup_elem(links_.get(), &ifindex, &link) == 0 ? std::optional{link} : std::nullopt;
}

void GuestLinks::forget(unsigned ifindex) const { (void)bpf_map_delete_elem(links_.get(), &ifindex); }

Result<> GuestLinks::give(const ubc_address& address, const ubc_address_owner& owner) const {
  if (bpf_map_update_elem(addresses_.get(), &address, &owner, BPF_NOEXIST) == 0) return {};
  if (errno != EEXIST) return os::sys_error(errno, "enter into the table of guests' addresses");
  ubc_address_owner present{};
  if (bpf_map_lookup_elem(addresses_.get(), &address, &present) == 0 && present.container != owner.container &&
      link_exists(present.ifindex))
    return os::error(Code::busy, "container {} has it", present.container);
  const bool given = bpf_map_update_elem(addresses_.get(), &address, &owner, BPF_ANY) == 0;
  return given ? Result<>{} : Result<>{os::sys_error(errno, "enter into the table of guests' addresses")};
}

std::optional<unsigned> GuestLinks::take(const ubc_address& address, std::uint32_t container) const {
  ubc_address_owner present{};
  if (bpf_map_lookup_elem(addresses_.get(), &address, &present) != 0 || present.container != container) return std::nullopt;
  (void)bpf_map_delete_elem(addresses_.get(), &address);
  return present.ifindex;
}

void GuestLinks::forget_bridged(std::uint32_t container) const {
  std::uint32_t index = 0, next = 0;
  const std::uint32_t* before = nullptr;
  while (bpf_map_get_next_key(links_.get(), before, &next) == 0) {
    const auto link = read(next);
    const bool ours = link && link->kind == UBC_LINK_BRIDGED && link->container == container;
    if (ours && bpf_map_delete_elem(links_.get(), &next) == 0) continue;   // from the same place on: the deleted one is no place
    index = next;
    before = &index;
  }
}

}  // namespace ubc::bpf
