// SPDX-License-Identifier: Apache-2.0
#include "bpf/attached_hooks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "bpf/hook_object.h"
#include "bpf/pins.h"
#include "os/directory.h"
#include "os/fd.h"
#include "os/scope_guard.h"

namespace ubc::bpf {
namespace {

/// Before any hook runs: no limits anywhere, and what the hooks read of the settings.
Result<> fill_maps(const HookPlan& plan, const HookSettings& settings, const std::string& pins) {
  Ledger ledger = UBC_TRY(Ledger::open(pins));
  for (std::uint32_t slot = 0; slot < UBC_MAX_SLOTS; ++slot) ledger.reset(slot);
  const MappedMap map = UBC_TRY(MappedMap::open(maps_in(pins) + "/settings", 1, sizeof(ubc_settings), false));
  auto& live = *static_cast<ubc_settings*>(map.data());
  live.fork_errno = static_cast<std::uint64_t>(settings.fork_errno);
  live.uid_base = settings.uid_base;
  live.object_bits = settings.object_bits;
  live.preemptible = plan.preemptible ? 1 : 0;
  return {};
}

Result<os::Fd> program_of_link(const std::string& path) {
  const os::Fd link{bpf_obj_get(path.c_str())};
  if (!link.valid()) return os::sys_error(errno, "open the pinned link", path);
  bpf_link_info info{};
  std::uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(link.get(), &info, &size) != 0) return os::sys_error(errno, "ask about", path);
  os::Fd program{bpf_prog_get_fd_by_id(info.prog_id)};
  if (!program.valid()) return os::sys_error(errno, "open the program of", path);
  return program;
}

Result<> run_iterator(const os::Fd& link, const std::string& path) {
  const os::Fd run{bpf_iter_create(link.get())};
  if (!run.valid()) return os::sys_error(errno, "start the iterator", path);
  char nothing[64];
  while (::read(run.get(), nothing, sizeof nothing) > 0) {
  }
  return {};
}

Result<HookStatus> status_of(const os::Fd& program, const std::string& name, const std::string& path) {
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(program.get(), &info, &size) != 0) return os::sys_error(errno, "ask about the program of", path);
  return HookStatus{name, info.recursion_misses, info.run_cnt, info.run_time_ns};
}

Result<> run_pinned_iterator(std::string_view program, const std::string& pins) {
  const std::string path = link_in(pins, program);
  const os::Fd link{bpf_obj_get(path.c_str())};
  if (!link.valid()) return os::sys_error(errno, "open the pinned iterator", path);
  return run_iterator(link, path);
}

Result<HookStatus> status_of_link(const std::string& name, const std::string& path) {
  const os::Fd program = UBC_TRY(program_of_link(path));
  return status_of(program, name, path);
}

Result<os::Fd> program_of_request(const std::string& name, const std::string& pins) {
  const std::string path = fmt::format("{}/{}", requests_in(pins), name);
  os::Fd program{bpf_obj_get(path.c_str())};
  if (!program.valid()) return os::sys_error(errno, "open the pinned program", path);
  return program;
}

}  // namespace

void remove_pins(const std::string& pins) {
  if (::access(next_in(pins).c_str(), F_OK) == 0) remove_pins(next_in(pins));
  for (const std::string& name : os::names_in(pins).value_or(std::vector<std::string>{})) (void)::unlink((pins + "/" + name).c_str());
  for (const std::string& directory : {links_in(pins), maps_in(pins), requests_in(pins)}) {
    for (const std::string& name : os::names_in(directory).value_or(std::vector<std::string>{}))
      (void)::unlink((directory + "/" + name).c_str());
    (void)::rmdir(directory.c_str());
  }
  (void)::rmdir(pins.c_str());
}

unsigned object_bits_for(std::uint64_t memory_bytes) {
  unsigned bits = 16;
  while (bits < UBC_MAX_OBJECT_BITS && (std::uint64_t{16} << (bits + 1)) <= memory_bytes / 512) ++bits;
  return bits;
}

bool hooks_attached(const std::string& pins) { return ::access(mark_in(pins).c_str(), F_OK) == 0; }

Result<> attach_hooks(const HookPlan& plan, const HookSettings& settings, const std::string& pins) {
  if (hooks_attached(pins)) return os::error(Code::exists, "the hooks are attached already ({})", pins);
  remove_pins(pins);
  const std::vector<Hook> hooks = plan.of(HookGroup::always);
  const HookObject object = UBC_TRY(HookObject::load(hooks, settings, ""));
  os::Rollback rollback;
  rollback.add([&] { remove_pins(pins); });
  for (const std::string& directory : {pins, links_in(pins), maps_in(pins), requests_in(pins)})
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return os::sys_error(errno, "make directory", directory);
  UBC_TRY(object.pin_maps(pins));
  UBC_TRY(fill_maps(plan, settings, pins));
  for (const Hook& hook : hooks) UBC_TRY(object.attach_and_pin(hook, "", pins));
  UBC_TRY(mark_programs(object, pins));
  UBC_TRY(object.pin_mark(mark_in(pins)));
  rollback.commit();
  return {};
}

bool group_attached(HookGroup group, const std::string& pins) {
  return hooks_attached(pins) && (group == HookGroup::always || ::access(mark_in(pins, group).c_str(), F_OK) == 0);
}

Result<> attach_group(const HookPlan& plan, HookGroup group, const std::string& cgroup, const std::string& pins) {
  if (!hooks_attached(pins)) return os::error(Code::not_found, "no hooks are attached ({})", pins);
  if (group_attached(group, pins)) return os::error(Code::exists, "the hooks of {} are attached already ({})", name_of(group), pins);
  const ubc_settings live = UBC_TRY(Ledger::open(pins)).settings();
  const std::vector<Hook> hooks = plan.of(group);
  const auto remove_links = [&] {
    for (const Hook& hook : hooks) (void)::unlink(link_in(pins, hook.program).c_str());
  };
  remove_links();   // of an earlier attempt that was killed half way
  const HookSettings settings{static_cast<std::uint32_t>(live.uid_base), static_cast<unsigned>(live.object_bits), 0};
  const HookObject object = UBC_TRY(HookObject::load(hooks, settings, pins));
  os::Rollback rollback;
  rollback.add(remove_links);
  for (const Hook& hook : hooks) UBC_TRY(object.attach_and_pin(hook, cgroup, pins));
  for (const Hook& hook : hooks)
    if (hook.kind == HookKind::iterator) UBC_TRY(run_pinned_iterator(hook.program, pins));
  UBC_TRY(object.pin_mark(mark_in(pins, group)));
  rollback.commit();
  return {};
}

Result<> detach_hooks(const std::string& pins) {
  remove_pins(pins);
  if (::access(pins.c_str(), F_OK) == 0) return os::error(Code::busy, "{} could not be removed", pins);
  return {};
}

Result<std::vector<HookStatus>> read_hook_status(const std::string& pins) {
  std::vector<HookStatus> status;
  for (const std::string& name : UBC_TRY(os::names_in(links_in(pins))))
    status.push_back(UBC_TRY(status_of_link(name, links_in(pins) + "/" + name)));
  for (const Printer& printer : kPrinters)
    status.push_back(UBC_TRY(status_of_link(std::string{printer.program}, pins + "/" + printer.file)));
  for (const std::string& name : UBC_TRY(os::names_in(requests_in(pins)))) {
    const os::Fd program = UBC_TRY(program_of_request(name, pins));
    status.push_back(UBC_TRY(status_of(program, name, name)));
  }
  std::ranges::sort(status, {}, &HookStatus::program);
  return status;
}

Result<std::uint64_t> recursion_misses(const std::string& pins) {
  std::uint64_t sum = 0;
  for (const HookStatus& hook : UBC_TRY(read_hook_status(pins))) sum += hook.recursion_misses;
  return sum;
}

Result<> run_iterators(const std::string& pins, Purpose purpose) {
  if (!group_attached(group_of(purpose), pins)) return {};
  for (const Hook& hook : hooks())
    if (hook.purpose == purpose) UBC_TRY(run_pinned_iterator(hook.program, pins));
  return {};
}

Result<> audit(const std::string& pins) {
  UBC_TRY(run_iterators(pins, Purpose::audit));
  return run_iterators(pins, Purpose::audit_buffers);
}

Result<int> ask(const std::string& pins, const ubc_request& request) {
  const os::Fd program = UBC_TRY(program_of_request("request", pins));
  ubc_request context = request;
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &context, .ctx_size_in = sizeof context);
  if (const int failed = bpf_prog_test_run_opts(program.get(), &options); failed != 0)
    return os::sys_error(-failed, "run the program request");
  return static_cast<int>(options.retval);
}

Result<> audit_if_needed(Ledger& ledger, const std::string& pins) {
  const ubc_settings settings = ledger.settings();
  if (settings.preemptible == 0) return {};
  const std::uint64_t misses = UBC_TRY(recursion_misses(pins));
  if (misses == settings.audited_misses) return {};
  UBC_TRY(audit(pins));
  ledger.set_audited_misses(misses);
  return {};
}

Result<> announce(std::uint32_t slot, const ubc_container& container, const std::string& pins) {
  const std::string path = maps_in(pins) + "/containers";
  const os::Fd map{bpf_obj_get(path.c_str())};
  if (!map.valid()) return os::sys_error(errno, "open the pinned map", path);
  if (bpf_map_update_elem(map.get(), &slot, &container, BPF_ANY) != 0) return os::sys_error(errno, "write", path);
  return {};
}

Result<> publish_counts(pid_t pid, const std::string& pins) {
  const std::string path = links_in(pins) + "/publish_counts";
  if (pid == 0) {
    const os::Fd all{bpf_obj_get(path.c_str())};
    if (!all.valid()) return os::sys_error(errno, "open the pinned iterator", path);
    return run_iterator(all, path);
  }
  const os::Fd program = UBC_TRY(program_of_link(path));
  bpf_iter_link_info one{};
  one.task.tid = static_cast<std::uint32_t>(pid);
  LIBBPF_OPTS(bpf_link_create_opts, options, .iter_info = &one, .iter_info_len = sizeof one);
  const os::Fd link{bpf_link_create(program.get(), 0, BPF_TRACE_ITER, &options)};
  if (!link.valid()) return os::sys_error(errno, "point the iterator at process", std::to_string(pid));
  return run_iterator(link, path);
}

}  // namespace ubc::bpf
