// SPDX-License-Identifier: Apache-2.0
#include "tests/support/slot_process.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <ranges>
#include <set>
#include <string>

#include "accounting/resource.h"
#include "bpf/kernel_support.h"
#include "os/fd.h"

namespace ubc::test {
namespace {

struct Attachment {
  std::optional<bpf::Ledger> ledger;
  pid_t owner = ::getpid();
  Attachment() {
    (void)bpf::detach_hooks();
    const bpf::HookPlan plan = bpf::decide_hooks(bpf::probe_kernel(), true);
    auto attached =
        bpf::attach_hooks(plan, {.uid_base = kUidBase, .object_bits = 17, .fork_errno = ENOMEM, .names = accounting::names_by_number()});
    if (!attached) {
      std::fprintf(stderr, "the hooks could not be attached: %s\n", attached.error().message.c_str());
      std::abort();   // a test that can't have its world fails
    }
    auto opened = bpf::Ledger::open();
    if (!opened) std::abort();
    ledger = std::move(*opened);
  }
  ~Attachment() {
    if (::getpid() == owner) (void)bpf::detach_hooks();
  }
};

/// A process of a container may not look whether they are, and has this from the one that it was forked from.
std::set<bpf::HookGroup> known_attached{bpf::HookGroup::always};

/// Of a pinned link; 0: there is none.
std::uint32_t program_of(const std::string& path) {
  const os::Fd link{bpf_obj_get(path.c_str())};
  bpf_link_info info{};
  std::uint32_t size = sizeof info;
  return link.valid() && bpf_obj_get_info_by_fd(link.get(), &info, &size) == 0 ? info.prog_id : 0;
}

int decoded(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

bpf::Ledger& attached_ledger() {
  static Attachment attachment;
  return *attachment.ledger;
}

void attach_group(bpf::HookGroup group) {
  (void)attached_ledger();
  known_attached.insert(group);
  if (bpf::group_attached(group)) return;
  (void)::mkdir(kContainersCgroup, 0755);
  if (auto attached = bpf::attach_group(bpf::decide_hooks(bpf::probe_kernel(), true), group, kContainersCgroup); !attached) {
    std::fprintf(stderr, "the hooks of %s could not be attached: %s\n", name_of(group).data(), attached.error().message.c_str());
    std::abort();
  }
}

void detach_group(bpf::HookGroup group) {
  (void)attached_ledger();
  known_attached.erase(group);
  const std::string pins = bpf::kPinDirectory;
  (void)::unlink((pins + "/complete-" + std::string{name_of(group)}).c_str());
  for (const bpf::Hook& hook : bpf::hooks() | std::views::reverse) {   // what charges first: what is charged finds its release
    if (bpf::group_of(hook.purpose) != group) continue;
    const std::string path = pins + "/links/" + std::string{hook.program};
    const std::uint32_t program = program_of(path);
    (void)::unlink(path.c_str());
    while (program != 0 && os::Fd{bpf_prog_get_fd_by_id(program)}.valid()) (void)::usleep(1000);  // the kernel takes it off in its own time
  }
}

Process::Process(const std::function<int()>& body) {
  std::fflush(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) ::_exit(body());
}

Process::~Process() {
  if (pid_ > 0) {
    kill();
    (void)wait();
  }
}

int Process::wait() {
  int status = 0;
  if (pid_ <= 0 || ::waitpid(pid_, &status, 0) != pid_) return -1;
  pid_ = -1;
  return decoded(status);
}

void Process::kill() {
  if (pid_ > 0) (void)::kill(pid_, SIGKILL);
}

std::function<int()> joined(std::uint32_t slot, std::function<int()> body) {
  return [slot, body = std::move(body)] {
    const uid_t uid = kUidBase + slot * UBC_IDS_PER_SLOT;
    if (::setgroups(0, nullptr) != 0 || ::setresgid(uid, uid, uid) != 0 || ::setresuid(uid, uid, uid) != 0) return 200;
    return body();
  };
}

int run_in(std::uint32_t slot, const std::function<int()>& body) { return Process{joined(slot, body)}.wait(); }

std::function<int()> guest(std::uint32_t slot, std::function<int()> body, int namespaces) {
  return joined(slot, [slot, namespaces, body = std::move(body)] {
    const std::string map = "0 " + std::to_string(kUidBase + slot * UBC_IDS_PER_SLOT) + " 1\n";
    const auto write = [](const char* path, const std::string& text) {
      return static_cast<bool>(std::ofstream{path} << text << std::flush);
    };
    (void)::prctl(PR_SET_DUMPABLE, 1);
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS | namespaces) != 0) return 211;
    if (!write("/proc/self/setgroups", "deny") || !write("/proc/self/gid_map", map) || !write("/proc/self/uid_map", map)) return 212;
    return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 ? body() : 213;
  });
}

int run_guest(std::uint32_t slot, const std::function<int()>& body) { return Process{guest(slot, body)}.wait(); }

std::uint32_t fresh_slot() {
  static std::uint32_t next = 1;
  attached_ledger().reset(next);
  return next++;
}

std::uint64_t held(std::uint32_t slot, ubc_resource resource) { return attached_ledger().read(slot, resource).held; }
std::uint64_t failcnt(std::uint32_t slot, ubc_resource resource) { return attached_ledger().read(slot, resource).failcnt; }
std::uint64_t maxheld(std::uint32_t slot, ubc_resource resource) { return attached_ledger().read(slot, resource).maxheld; }

void limit(std::uint32_t slot, ubc_resource resource, std::uint64_t barrier, std::uint64_t limit) {
  if (!known_attached.contains(bpf::group_of(resource))) attach_group(bpf::group_of(resource));  // as ubctl does
  attached_ledger().set_limits(slot, resource, barrier, limit);
}

std::uint64_t settled(std::uint32_t slot, ubc_resource resource, std::uint64_t want) {
  for (int tries = 0; tries < 500 && held(slot, resource) != want; ++tries) (void)::usleep(10'000);
  return held(slot, resource);
}

std::uint64_t private_pages(pid_t pid) {
  char path[64], line[256];
  (void)std::snprintf(path, sizeof path, "/proc/%d/status", pid);
  std::FILE* file = std::fopen(path, "re");
  if (file == nullptr) return 0;
  std::uint64_t kib = 0;
  while (std::fgets(line, sizeof line, file) != nullptr)
    if (std::strncmp(line, "VmData:", 7) == 0 || std::strncmp(line, "VmStk:", 6) == 0) kib += std::strtoull(line + 7, nullptr, 10);
  (void)std::fclose(file);
  return kib / 4;
}

}  // namespace ubc::test
