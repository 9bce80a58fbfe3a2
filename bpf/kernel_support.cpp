// SPDX-License-Identifier: Apache-2.0
#include "bpf/kernel_support.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sys/utsname.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "bpf/hook_plan.h"
#include "os/text_file.h"
#include "probe.skel.h"

namespace ubc::bpf {
namespace {

struct CloseProbe {
  void operator()(probe_bpf* skeleton) const { probe_bpf__destroy(skeleton); }
};
struct FreeBtf {
  void operator()(btf* types) const { btf__free(types); }
};

int quiet(libbpf_print_level, const char*, va_list) { return 0; }

std::string words_of(int sys_errno) {
  const char* words = strerrordesc_np(sys_errno);
  return words != nullptr ? words : "unknown error";
}

/// Loads and attaches the one program alone.
Ability try_program(const char* name) {
  const std::unique_ptr<probe_bpf, CloseProbe> skeleton{probe_bpf__open()};
  if (!skeleton) return {false, fmt::format("open of the probe failed: {}", words_of(errno))};
  bpf_program* program = nullptr;
  bpf_program* wanted = nullptr;
  bpf_object__for_each_program(program, skeleton->obj) {
    const bool is_it = std::strcmp(bpf_program__name(program), name) == 0;
    (void)bpf_program__set_autoload(program, is_it);
    if (is_it) wanted = program;
  }
  if (wanted == nullptr) return {false, fmt::format("no program {} in the probe", name)};
  if (const int failed = bpf_object__load(skeleton->obj); failed != 0)
    return {false, fmt::format("the kernel refuses to load {}: {}", bpf_program__section_name(wanted), words_of(-failed))};
  bpf_link* link = bpf_program__attach(wanted);
  if (link == nullptr)
    return {false, fmt::format("the kernel refuses to attach {}: {}", bpf_program__section_name(wanted), words_of(errno))};
  (void)bpf_link__destroy(link);
  return {true, {}};
}

bool lists(std::string_view list, std::string_view word) {
  list = os::trimmed(list);
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (list.substr(0, comma) == word) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

Ability probe_lsm(const std::string& lsm_list) {
  Ability loads = try_program("probe_lsm");
  if (!loads.present) return loads;
  const auto list = os::read_text(lsm_list);
  if (list && !lists(*list, "bpf"))
    return {false,
            fmt::format("\"bpf\" is not in the kernel's lsm list ({}): add it to lsm= on the kernel's command line", os::trimmed(*list))};
  return loads;   // no securityfs to read: it attached, and the list is most likely right
}

bool has_function(const btf* types, std::string_view name) {
  return btf__find_by_name_kind(types, std::string{name}.c_str(), BTF_KIND_FUNC) > 0;
}

/// Is the module in the list that modprobe reads?
bool can_load(const std::string& modules, const std::string& release, std::string_view name) {
  const auto list = os::read_text(fmt::format("{}/{}/modules.dep", modules, release));
  return list && list->contains(fmt::format("/{}.ko", name));
}

void probe_module_function(KernelSupport& seen, const Hook& hook, btf* kernel, const ProbePaths& paths) {
  const std::unique_ptr<btf, FreeBtf> types{btf__load_module_btf(std::string{hook.module}.c_str(), kernel)};
  if (!types && !can_load(paths.modules, seen.release, hook.module)) return;
  seen.modules.emplace(hook.module);
  if (!types || has_function(types.get(), hook.function)) seen.functions.emplace(hook.function);
}

void probe_functions(KernelSupport& seen, const ProbePaths& paths) {
  const std::unique_ptr<btf, FreeBtf> types{btf__parse(paths.btf.c_str(), nullptr)};
  if (!types) {
    seen.btf = {false, fmt::format("{} cannot be read: {}", paths.btf, words_of(errno))};
    return;
  }
  seen.btf = {true, {}};
  for (const Hook& hook : hooks())
    if (!hook.module.empty())
      probe_module_function(seen, hook, types.get(), paths);
    else if (has_function(types.get(), hook.function))
      seen.functions.emplace(hook.function);
}

}  // namespace

std::optional<bool> parse_preempt_mode(std::string_view text) {
  const std::size_t open = text.find('('), close = text.find(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  const std::string_view mode = text.substr(open + 1, close - open - 1);
  return mode != "none" && mode != "voluntary";
}

KernelSupport probe_kernel(const ProbePaths& paths) {
  (void)libbpf_set_print(quiet);
  KernelSupport seen;
  utsname names{};
  if (::uname(&names) == 0) seen.release = names.release;
  probe_functions(seen, paths);
  seen.lsm = probe_lsm(paths.lsm_list);
  seen.lsm_file_alloc = seen.lsm.present ? try_program("probe_lsm_file_alloc") : seen.lsm;
  seen.fmod_ret = try_program("probe_fmod_ret");
  seen.fentry = try_program("probe_fentry");
  seen.kprobe = try_program("probe_kprobe");
  seen.iterators = try_program("probe_iter");
  if (const auto text = os::read_text(paths.preempt)) seen.preemptible = parse_preempt_mode(*text);
  return seen;
}

}  // namespace ubc::bpf
