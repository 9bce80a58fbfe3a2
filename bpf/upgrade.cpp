// SPDX-License-Identifier: Apache-2.0
// A new version's programs take the place of those that run. Both generations are attached for a moment and share their maps: what one has
// charged the other finds remembered, so nothing counts twice; and no hook is ever without a program.
#include <bpf/bpf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <thread>

#include "bpf/attached_hooks.h"
#include "bpf/hook_object.h"
#include "bpf/pins.h"
#include "os/directory.h"
#include "os/fd.h"
#include "os/scope_guard.h"

namespace ubc::bpf {
namespace {

std::string programs_mark(const std::string& pins) { return fmt::format("{}/{}{}", pins, kProgramsMark, HookObject::id()); }

Result<> make_next(const std::string& pins) {
  const std::string next = next_in(pins);
  remove_pins(next);   // what an upgrade that was killed left: all of it is attached beside what it did not get to replace
  for (const std::string& directory : {next, links_in(next), requests_in(next)})
    if (::mkdir(directory.c_str(), 0700) != 0) return os::sys_error(errno, "make directory", directory);
  return {};
}

/// A pin that takes another's name takes its place at once: the other's program is off then.
Result<> replace_pin(const std::string& from, const std::string& to) {
  return ::rename(from.c_str(), to.c_str()) == 0 ? Result<>{} : Result<>{os::sys_error(errno, "replace", to)};
}

Result<> replace_all(const std::string& from, const std::string& to) {
  const std::vector<std::string> names = UBC_TRY(os::names_in(from));
  for (const std::string& name : names) UBC_TRY(replace_pin(from + "/" + name, to + "/" + name));
  for (const std::string& name : UBC_TRY(os::names_in(to)))   // hooks that the new version does without
    if (std::ranges::find(names, name) == names.end()) (void)::unlink((to + "/" + name).c_str());
  return {};
}

/// Of all that is pinned as a link there.
Result<std::vector<std::uint32_t>> programs_in(const std::string& directory) {
  std::vector<std::uint32_t> ids;
  for (const std::string& name : UBC_TRY(os::names_in(directory))) {
    const std::string path = directory + "/" + name;
    const os::Fd link{bpf_obj_get(path.c_str())};
    if (!link.valid()) return os::sys_error(errno, "open the pinned link", path);
    bpf_link_info info{};
    std::uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(link.get(), &info, &size) != 0) return os::sys_error(errno, "ask about", path);
    ids.push_back(info.prog_id);
  }
  return ids;
}

/// The kernel takes a program off some time after its last pin is gone.
void await_end_of(const std::vector<std::uint32_t>& programs) {
  constexpr std::chrono::milliseconds kPause{10};
  int tries = 1000;
  for (const std::uint32_t id : programs)
    while (--tries > 0 && os::Fd{bpf_prog_get_fd_by_id(id)}.valid()) std::this_thread::sleep_for(kPause);
}

/// A killed attachment left some of them, or a version that counted this from the first container on.
bool begun(const HookPlan& plan, HookGroup group, const std::string& pins) {
  return std::ranges::any_of(plan.of(group), [&](const Hook& hook) { return ::access(link_in(pins, hook.program).c_str(), F_OK) == 0; });
}

}  // namespace

bool programs_current(const std::string& pins) { return ::access(programs_mark(pins).c_str(), F_OK) == 0; }

Result<> mark_programs(const HookObject& object, const std::string& pins) {
  for (const std::string& name : UBC_TRY(os::names_in(pins)))
    if (name.starts_with(kProgramsMark)) (void)::unlink((pins + "/" + name).c_str());
  return object.pin_mark(programs_mark(pins));
}

Result<std::size_t> upgrade_hooks(const HookPlan& plan, const HookSettings& wished, const std::string& cgroup, const std::string& pins) {
  if (!hooks_attached(pins)) return os::error(Code::not_found, "no hooks are attached ({})", pins);
  const ubc_settings live = UBC_TRY(Ledger::open(pins)).settings();
  HookSettings settings = wished;
  settings.uid_base = static_cast<std::uint32_t>(live.uid_base);   // what the books were begun with
  settings.object_bits = static_cast<unsigned>(live.object_bits);
  std::vector<Hook> hooks;
  std::vector<HookGroup> groups;
  for (const HookGroup group : kHookGroups)
    if (group_attached(group, pins) || begun(plan, group, pins)) {
      std::ranges::copy(plan.of(group), std::back_inserter(hooks));
      groups.push_back(group);
    }
  const HookObject object = UBC_TRY(HookObject::load(hooks, settings, pins));
  const std::string next = next_in(pins);
  UBC_TRY(make_next(pins));
  os::Rollback rollback;
  rollback.add([&] { remove_pins(next); });
  for (const Hook& hook : hooks) UBC_TRY(object.attach_and_pin(hook, cgroup, next));
  const std::vector<std::uint32_t> before = UBC_TRY(programs_in(links_in(pins)));
  UBC_TRY(replace_all(links_in(next), links_in(pins)));
  UBC_TRY(replace_all(requests_in(next), requests_in(pins)));
  for (const Printer& printer : kPrinters)
    UBC_TRY(replace_pin(fmt::format("{}/{}", next, printer.file), fmt::format("{}/{}", pins, printer.file)));
  UBC_TRY(mark_programs(object, pins));
  await_end_of(before);
  for (const HookGroup group : groups)
    if (!group_attached(group, pins)) UBC_TRY(object.pin_mark(mark_in(pins, group)));
  UBC_TRY(audit(pins));
  UBC_TRY(run_iterators(pins, Purpose::census_locks));
  return hooks.size();   // what is left of `next`, its directories, goes with the rollback
}

}  // namespace ubc::bpf
