// SPDX-License-Identifier: Apache-2.0
#include "bpf/hook_object.h"

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
#include <type_traits>

#include "bpf/pins.h"
#include "os/fd.h"
#include "os/text_file.h"
#include "ubc.id.h"
#include "ubc.skel.h"

namespace ubc::bpf {
namespace {

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

/// What is constant for the programs is written before they are loaded.
char* name_place(ubc_bpf& skeleton, unsigned row) { return const_cast<char*>(skeleton.rodata->resource_names[row]); }

/// Two layouts in one map would spoil the books of every container.
Result<> check_layout(const bpf_map* map, const os::Fd& pinned, const std::string& path) {
  bpf_map_info info{};
  std::uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(pinned.get(), &info, &size) != 0) return os::sys_error(errno, "ask about the pinned map", path);
  if (info.key_size == bpf_map__key_size(map) && info.value_size == bpf_map__value_size(map)) return {};
  return os::error(Code::unsupported,
                   "the hooks that run keep {} in another layout ({} bytes, here {}): stop all containers, run ubctl hooks detach, and "
                   "start again",
                   path, info.value_size, bpf_map__value_size(map));
}

Result<bpf_map*> map_of(const ubc_bpf& skeleton, const char* name) {
  bpf_map* map = bpf_object__find_map_by_name(skeleton.obj, name);
  if (map == nullptr) return os::error(Code::system, "the BPF object has no map {}", name);
  return map;
}

Result<bpf_program*> program_of(const ubc_bpf& skeleton, const Hook& hook) {
  bpf_program* program = bpf_object__find_program_by_name(skeleton.obj, std::string{hook.program}.c_str());
  if (program == nullptr) return os::error(Code::system, "the BPF object has no program {}", hook.program);
  return program;
}

const Printer* printer_of(const Hook& hook) {
  const auto found = std::ranges::find(kPrinters, hook.program, &Printer::program);
  return found == std::end(kPrinters) ? nullptr : found;
}

bpf_link* attach_iterator(const ubc_bpf& skeleton, const bpf_program* program, const Printer* printer) {
  if (printer == nullptr) return bpf_program__attach_iter(program, nullptr);
  bpf_iter_link_info over{};
  over.map.map_fd = static_cast<std::uint32_t>(bpf_object__find_map_fd_by_name(skeleton.obj, printer->map));
  LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &over, .link_info_len = sizeof over);
  return bpf_program__attach_iter(program, &options);
}

Result<bpf_link*> attach_one(const ubc_bpf& skeleton, const Hook& hook, const std::string& cgroup) {
  bpf_program* program = UBC_TRY(program_of(skeleton, hook));
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

Result<> pin_request(const ubc_bpf& skeleton, const Hook& hook, const std::string& pins) {
  bpf_program* program = UBC_TRY(program_of(skeleton, hook));
  const std::string path = fmt::format("{}/{}", requests_in(pins), hook.program);
  const int failed = bpf_program__pin(program, path.c_str());
  return failed == 0 ? Result<>{} : Result<>{os::sys_error(-failed, "pin", path)};
}

}  // namespace

void HookObject::Close::operator()(ubc_bpf* skeleton) const { ubc_bpf__destroy(skeleton); }

std::string HookObject::id() { return fmt::format("{}-{}", UBC_LAYOUT, UBC_PROGRAMS_ID); }

void HookObject::choose_programs(const std::vector<Hook>& hooks) const {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton_->obj) {
    const bool wanted = std::ranges::any_of(hooks, [&](const Hook& hook) { return hook.program == bpf_program__name(program); });
    (void)bpf_program__set_autoload(program, wanted);
  }
}

Result<> HookObject::configure(const HookSettings& settings) const {
  skeleton_->rodata->uid_base = settings.uid_base;
  for (unsigned row = 0; row < UBC_RESOURCES; ++row) settings.names[row].copy(name_place(*skeleton_, row), UBC_RESOURCE_NAME - 1);
  if (settings.object_bits > UBC_MAX_OBJECT_BITS)
    return os::error(Code::bad_value, "an object table of 2^{} records: at most 2^{}", settings.object_bits, UBC_MAX_OBJECT_BITS);
  using Bss = std::remove_pointer_t<decltype(skeleton_->bss)>;
  static_assert(offsetof(Bss, ledger) == 0 && offsetof(Bss, objects) == sizeof(Bss::ledger) &&
                    sizeof(Bss) == sizeof(Bss::ledger) + sizeof(Bss::objects),
                ".bss is the ledger and the objects, and is cut: other global data needs a section .data.*");
  const std::uint32_t objects = (1U << settings.object_bits) * sizeof(ubc_record);
  skeleton_->rodata->object_mask = objects - sizeof(ubc_record);
  (void)bpf_map__set_value_size(skeleton_->maps.bss, sizeof(Bss::ledger) + objects);
  (void)bpf_map__set_max_entries(skeleton_->maps.overflow, std::max(1024U, (1U << settings.object_bits) / 8));
  return {};
}

Result<> HookObject::share_maps(const std::string& pins) const {
  for (const auto& [pin, name] : kPinnedMaps) {
    bpf_map* map = UBC_TRY(map_of(*skeleton_, name));
    const std::string path = fmt::format("{}/{}", maps_in(pins), pin);
    const os::Fd pinned{bpf_obj_get(path.c_str())};
    if (!pinned.valid()) return os::sys_error(errno, "open the pinned map", path);
    UBC_TRY(check_layout(map, pinned, path));
    if (const int failed = bpf_map__reuse_fd(map, pinned.get()); failed != 0) return os::sys_error(-failed, "share the pinned map", path);
  }
  return {};
}

Result<HookObject> HookObject::load(const std::vector<Hook>& hooks, const HookSettings& settings, const std::string& shared) {
  (void)libbpf_set_print(remember_words);
  HookObject object{Skeleton{ubc_bpf__open()}};
  if (!object.skeleton_) return os::sys_error(errno, "open the BPF object");
  UBC_TRY(object.configure(settings));
  if (!shared.empty()) UBC_TRY(object.share_maps(shared));
  object.choose_programs(hooks);
  if (const int failed = bpf_object__load(object.skeleton_->obj); failed != 0)
    return os::error(os::code_of(-failed), "load the BPF programs: {} ({})", strerrordesc_np(-failed), last_words);
  return object;
}

Result<> HookObject::attach_and_pin(const Hook& hook, const std::string& cgroup, const std::string& pins) const {
  if (hook.kind == HookKind::request) return pin_request(*skeleton_, hook, pins);
  const Printer* printer = printer_of(hook);
  bpf_link* link = UBC_TRY(attach_one(*skeleton_, hook, cgroup));
  const std::string path = printer != nullptr ? fmt::format("{}/{}", pins, printer->file) : link_in(pins, hook.program);
  const int failed = bpf_link__pin(link, path.c_str());
  (void)bpf_link__destroy(link);   // a pinned link lives on
  if (failed != 0) return os::sys_error(-failed, "pin", path);
  // Guests see that inode as nobody's, and each prints its reader's own. Writable for root: who opens a pin needs that.
  if (printer != nullptr && ::chmod(path.c_str(), 0644) != 0) return os::sys_error(errno, "let guests read", path);
  return {};
}

Result<> HookObject::pin_maps(const std::string& pins) const {
  for (const auto& [pin, name] : kPinnedMaps) {
    bpf_map* map = UBC_TRY(map_of(*skeleton_, name));
    const std::string path = fmt::format("{}/{}", maps_in(pins), pin);
    if (const int failed = bpf_map__pin(map, path.c_str()); failed != 0) return os::sys_error(-failed, "pin", path);
  }
  return {};
}

Result<> HookObject::pin_mark(const std::string& path) const {
  if (bpf_obj_pin(bpf_map__fd(skeleton_->maps.data_settings), path.c_str()) != 0) return os::sys_error(errno, "pin", path);
  return {};
}

}  // namespace ubc::bpf
