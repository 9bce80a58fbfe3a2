// SPDX-License-Identifier: Apache-2.0
#include "bpf/attached_hooks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include "os/directory.h"
#include "os/fd.h"
#include "os/scope_guard.h"
#include "os/text_file.h"
#include "ubc.skel.h"

namespace ubc::bpf {
namespace {

struct CloseObject {
  void operator()(ubc_bpf* skeleton) const { ubc_bpf__destroy(skeleton); }
};
using Skeleton = std::unique_ptr<ubc_bpf, CloseObject>;

/// What is pinned: its name there, and its name in the object, where global data goes by its section.
struct PinnedMap {
  const char* pin;
  const char* map;
};
constexpr PinnedMap kPinnedMaps[] = {{"ledger", ".bss"},           {"overflow", "overflow"},           {"cgroups", "cgroups"},
                                     {"health", "health"},         {"last_refusals", "last_refusals"}, {"refusal_log", "refusal_log"},
                                     {"marks", ".data.marks"},     {"settings", ".data.settings"},     {"buffers", ".data.buffers"},
                                     {"containers", "containers"}, {"cgroups_aside", "cgroups_aside"}};

/// A program that prints: the map it walks, and the file that `cat` reads.
struct Printer {
  std::string_view program;
  const char* map;
  const char* file;
};
constexpr Printer kPrinters[] = {{"print_all", "containers", kAllBeancounters}, {"print_own", "health", kOwnBeancounters}};

std::string links_in(const std::string& pins) { return pins + "/links"; }
std::string maps_in(const std::string& pins) { return pins + "/maps"; }
/// Programs that nothing triggers but a call of ours.
std::string requests_in(const std::string& pins) { return pins + "/requests"; }
/// Pinned last: what is there without it is half done.
std::string mark_in(const std::string& pins) { return pins + "/complete"; }
std::string mark_in(const std::string& pins, HookGroup group) { return fmt::format("{}/complete-{}", pins, name_of(group)); }

/// libbpf's last words, so that a verifier's refusal reaches the person; with UBC_BPF_LOG set, all of them on standard error.
thread_local std::string last_words;
int remember_words(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  if (std::getenv("UBC_BPF_LOG") != nullptr) return std::vfprintf(stderr, format, arguments);
  char line[512];
  const int length = std::vsnprintf(line, sizeof line, format, arguments);
  if (length > 0) last_words = std::string{os::trimmed(line)};
  return length;
}

void remove_pins(const std::string& pins) {
  (void)::unlink(mark_in(pins).c_str());
  for (const Printer& printer : kPrinters) (void)::unlink((pins + "/" + printer.file).c_str());
  for (const HookGroup group : kHookGroups) (void)::unlink(mark_in(pins, group).c_str());
  for (const std::string& directory : {links_in(pins), maps_in(pins), requests_in(pins)}) {
    for (const std::string& name : os::names_in(directory).value_or(std::vector<std::string>{}))
      (void)::unlink((directory + "/" + name).c_str());
    (void)::rmdir(directory.c_str());
  }
  (void)::rmdir(pins.c_str());
}

void choose_programs(const Skeleton& skeleton, const std::vector<Hook>& hooks) {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton->obj) {
    const bool wanted = std::ranges::any_of(hooks, [&](const Hook& hook) { return hook.program == bpf_program__name(program); });
    (void)bpf_program__set_autoload(program, wanted);
  }
}

/// What is constant for the programs is written before they are loaded.
char* name_place(ubc_bpf& skeleton, unsigned row) { return const_cast<char*>(skeleton.rodata->resource_names[row]); }

/// The programs will use the maps that are pinned, not new ones.
Result<> share_maps(const Skeleton& skeleton, const std::string& pins) {
  for (const auto& [pin, name] : kPinnedMaps) {
    bpf_map* map = bpf_object__find_map_by_name(skeleton->obj, name);
    const std::string path = fmt::format("{}/{}", maps_in(pins), pin);
    if (map == nullptr) return os::error(Code::system, "the BPF object has no map {}", name);
    const os::Fd pinned{bpf_obj_get(path.c_str())};
    if (!pinned.valid()) return os::sys_error(errno, "open the pinned map", path);
    if (const int failed = bpf_map__reuse_fd(map, pinned.get()); failed != 0) return os::sys_error(-failed, "share the pinned map", path);
  }
  return {};
}

/// `shared`: where the maps are pinned that these programs join; empty: they get maps of their own.
Result<Skeleton> load(const std::vector<Hook>& hooks, const HookSettings& settings, const std::string& shared) {
  (void)libbpf_set_print(remember_words);
  Skeleton skeleton{ubc_bpf__open()};
  if (!skeleton) return os::sys_error(errno, "open the BPF object");
  skeleton->rodata->uid_base = settings.uid_base;
  for (unsigned row = 0; row < UBC_RESOURCES; ++row) settings.names[row].copy(name_place(*skeleton, row), UBC_RESOURCE_NAME - 1);
  if (settings.object_bits > UBC_MAX_OBJECT_BITS)
    return os::error(Code::bad_value, "an object table of 2^{} records: at most 2^{}", settings.object_bits, UBC_MAX_OBJECT_BITS);
  using Bss = std::remove_pointer_t<decltype(skeleton->bss)>;
  static_assert(offsetof(Bss, ledger) == 0 && offsetof(Bss, objects) == sizeof(Bss::ledger) &&
                    sizeof(Bss) == sizeof(Bss::ledger) + sizeof(Bss::objects),
                ".bss is the ledger and the objects, and is cut: other global data needs a section .data.*");
  const std::uint32_t objects = (1U << settings.object_bits) * sizeof(ubc_record);
  skeleton->rodata->object_mask = objects - sizeof(ubc_record);
  (void)bpf_map__set_value_size(skeleton->maps.bss, sizeof(Bss::ledger) + objects);
  (void)bpf_map__set_max_entries(skeleton->maps.overflow, std::max(1024U, (1U << settings.object_bits) / 8));
  if (!shared.empty()) UBC_TRY(share_maps(skeleton, shared));
  choose_programs(skeleton, hooks);
  if (const int failed = bpf_object__load(skeleton->obj); failed != 0)
    return os::error(os::code_of(-failed), "load the BPF programs: {} ({})", strerrordesc_np(-failed), last_words);
  return skeleton;
}

bpf_link* attach_iterator(const Skeleton& skeleton, const bpf_program* program, const Printer* printer) {
  if (printer == nullptr) return bpf_program__attach_iter(program, nullptr);
  bpf_iter_link_info over{};
  over.map.map_fd = static_cast<std::uint32_t>(bpf_object__find_map_fd_by_name(skeleton->obj, printer->map));
  LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &over, .link_info_len = sizeof over);
  return bpf_program__attach_iter(program, &options);
}

const Printer* printer_of(const Hook& hook) {
  const auto found = std::ranges::find(kPrinters, hook.program, &Printer::program);
  return found == std::end(kPrinters) ? nullptr : found;
}

Result<bpf_link*> attach_one(const Skeleton& skeleton, const Hook& hook, const std::string& cgroup) {
  bpf_program* program = bpf_object__find_program_by_name(skeleton->obj, std::string{hook.program}.c_str());
  if (program == nullptr) return os::error(Code::system, "the BPF object has no program {}", hook.program);
  bpf_link* link = nullptr;
  if (hook.kind == HookKind::cgroup) {
    const os::Fd directory = UBC_TRY(os::open_file(cgroup, O_RDONLY | O_DIRECTORY));
    link = bpf_program__attach_cgroup(program, directory.get());
  } else {
    link = hook.kind == HookKind::iterator ? attach_iterator(skeleton, program, printer_of(hook)) : bpf_program__attach(program);
  }
  if (link == nullptr) return os::sys_error(errno, "attach", bpf_program__section_name(program));
  return link;
}

Result<> pin_request(const Skeleton& skeleton, const Hook& hook, const std::string& pins) {
  bpf_program* program = bpf_object__find_program_by_name(skeleton->obj, std::string{hook.program}.c_str());
  if (program == nullptr) return os::error(Code::system, "the BPF object has no program {}", hook.program);
  const std::string path = fmt::format("{}/{}", requests_in(pins), hook.program);
  const int failed = bpf_program__pin(program, path.c_str());
  return failed == 0 ? Result<>{} : Result<>{os::sys_error(-failed, "pin", path)};
}

Result<> attach_and_pin(const Skeleton& skeleton, const Hook& hook, const std::string& cgroup, const std::string& pins) {
  if (hook.kind == HookKind::request) return pin_request(skeleton, hook, pins);
  const Printer* printer = printer_of(hook);
  bpf_link* link = UBC_TRY(attach_one(skeleton, hook, cgroup));
  const std::string path =
      printer != nullptr ? fmt::format("{}/{}", pins, printer->file) : fmt::format("{}/{}", links_in(pins), hook.program);
  const int failed = bpf_link__pin(link, path.c_str());
  (void)bpf_link__destroy(link);   // a pinned link lives on
  if (failed != 0) return os::sys_error(-failed, "pin", path);
  // Guests see that inode as nobody's, and each prints its reader's own. Writable for root: who opens a pin needs that.
  if (printer != nullptr && ::chmod(path.c_str(), 0644) != 0) return os::sys_error(errno, "let guests read", path);
  return {};
}

Result<> pin_maps(const Skeleton& skeleton, const std::string& pins) {
  for (const auto& [pin, name] : kPinnedMaps) {
    bpf_map* map = bpf_object__find_map_by_name(skeleton->obj, name);
    const std::string path = fmt::format("{}/{}", maps_in(pins), pin);
    if (map == nullptr) return os::error(Code::system, "the BPF object has no map {}", name);
    if (const int failed = bpf_map__pin(map, path.c_str()); failed != 0) return os::sys_error(-failed, "pin", path);
  }
  return {};
}

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

Result<std::uint64_t> misses_of(const os::Fd& program, const std::string& path) {
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(program.get(), &info, &size) != 0) return os::sys_error(errno, "ask about the program of", path);
  return info.recursion_misses;
}

Result<> run_pinned_iterator(std::string_view program, const std::string& pins) {
  const std::string path = fmt::format("{}/{}", links_in(pins), program);
  const os::Fd link{bpf_obj_get(path.c_str())};
  if (!link.valid()) return os::sys_error(errno, "open the pinned iterator", path);
  return run_iterator(link, path);
}

Result<> pin_mark(const Skeleton& skeleton, const std::string& path) {
  if (const int failed = bpf_obj_pin(bpf_map__fd(skeleton->maps.data_settings), path.c_str()); failed != 0)
    return os::sys_error(errno, "pin", path);
  return {};
}

Result<std::uint64_t> misses_of_link(const std::string& path) {
  const os::Fd program = UBC_TRY(program_of_link(path));
  return misses_of(program, path);
}

Result<os::Fd> program_of_request(const std::string& name, const std::string& pins) {
  const std::string path = fmt::format("{}/{}", requests_in(pins), name);
  os::Fd program{bpf_obj_get(path.c_str())};
  if (!program.valid()) return os::sys_error(errno, "open the pinned program", path);
  return program;
}

}  // namespace

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
  const Skeleton skeleton = UBC_TRY(load(hooks, settings, ""));
  os::Rollback rollback;
  rollback.add([&] { remove_pins(pins); });
  for (const std::string& directory : {pins, links_in(pins), maps_in(pins), requests_in(pins)})
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return os::sys_error(errno, "make directory", directory);
  UBC_TRY(pin_maps(skeleton, pins));
  UBC_TRY(fill_maps(plan, settings, pins));
  for (const Hook& hook : hooks) UBC_TRY(attach_and_pin(skeleton, hook, "", pins));
  UBC_TRY(pin_mark(skeleton, mark_in(pins)));
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
    for (const Hook& hook : hooks) (void)::unlink(fmt::format("{}/{}", links_in(pins), hook.program).c_str());
  };
  remove_links();   // of an earlier attempt that was killed half way
  const HookSettings settings{static_cast<std::uint32_t>(live.uid_base), static_cast<unsigned>(live.object_bits), 0};
  const Skeleton skeleton = UBC_TRY(load(hooks, settings, pins));
  os::Rollback rollback;
  rollback.add(remove_links);
  for (const Hook& hook : hooks) UBC_TRY(attach_and_pin(skeleton, hook, cgroup, pins));
  for (const Hook& hook : hooks)
    if (hook.kind == HookKind::iterator) UBC_TRY(run_pinned_iterator(hook.program, pins));
  UBC_TRY(pin_mark(skeleton, mark_in(pins, group)));
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
    status.push_back({name, UBC_TRY(misses_of_link(links_in(pins) + "/" + name))});
  for (const Printer& printer : kPrinters)
    status.push_back({std::string{printer.program}, UBC_TRY(misses_of_link(pins + "/" + printer.file))});
  for (const std::string& name : UBC_TRY(os::names_in(requests_in(pins)))) {
    const os::Fd program = UBC_TRY(program_of_request(name, pins));
    status.push_back({name, UBC_TRY(misses_of(program, name))});
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
