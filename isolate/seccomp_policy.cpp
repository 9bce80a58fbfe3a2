// SPDX-License-Identifier: Apache-2.0
// Runs at build time: prints the filter as an array for seccomp.cpp. Known and harmful: EPERM. Not for guests, and programs cope: ENOSYS.
// Newer than what was judged here: ENOSYS, whatever the kernel has, so that libc falls back to an older call.
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <vector>

namespace {

constexpr const char* kRefused[] = {"init_module",       "finit_module", "delete_module",   "kexec_load", "kexec_file_load",
                                    "open_by_handle_at", "swapon",       "swapoff",         "acct",       "quotactl",
                                    "quotactl_fd",       "bpf",          "perf_event_open", "iopl",       "ioperm",
                                    "lookup_dcookie",    "nfsservctl",   "uselib",          "vm86",       "vm86old"};
/// Keyrings are not namespaced; io_uring makes files and sockets where no hook of ours has been proven yet.
constexpr const char* kAbsent[] = {"add_key", "request_key", "keyctl", "io_uring_setup", "io_uring_enter", "io_uring_register"};
/// set_mempolicy_home_node, the last call of Linux 6.1. Since 403 every architecture gives a call the same number, so one bound serves
/// x86_64 and i386; x32's numbers and -1 lie above it too. The numbers that x86_64 had skipped stay open: 335 is how a uretprobe of the
/// host's returns.
constexpr std::uint32_t kLastJudged = 450;
constexpr int kFamilies[] = {AF_VSOCK, AF_ALG, AF_KEY, AF_RDS, AF_TIPC};

bool refuse(scmp_filter_ctx filter, const char* name, int error) {
  const int number = seccomp_syscall_resolve_name(name);
  return number == __NR_SCMP_ERROR || seccomp_rule_add(filter, SCMP_ACT_ERRNO(static_cast<unsigned>(error)), number, 0) == 0;
}

/// The kernel looks at the low 32 bits of these arguments only, and so do we (CVE-2019-10063).
bool refuse_argument(scmp_filter_ctx filter, const char* name, unsigned argument, std::uint64_t value, int error) {
  return seccomp_rule_add(filter, SCMP_ACT_ERRNO(static_cast<unsigned>(error)), seccomp_syscall_resolve_name(name), 1,
                          SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, 0xffffffffU, value)) == 0;
}

bool add_rules(scmp_filter_ctx filter) {
  bool ok = true;
  for (const char* name : kRefused) ok = ok && refuse(filter, name, EPERM);
  for (const char* name : kAbsent) ok = ok && refuse(filter, name, ENOSYS);
  ok = ok && refuse_argument(filter, "ioctl", 1, TIOCSTI, EPERM) && refuse_argument(filter, "ioctl", 1, 0x541C /* TIOCLINUX */, EPERM);
  ok = ok && seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), seccomp_syscall_resolve_name("userfaultfd"), 1,
                              SCMP_CMP(0, SCMP_CMP_MASKED_EQ, UFFD_USER_MODE_ONLY, 0)) == 0;   // one that may stop the kernel itself
  for (const int family : kFamilies) ok = ok && refuse_argument(filter, "socket", 0, static_cast<unsigned>(family), EAFNOSUPPORT);
  return ok && seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), seccomp_syscall_resolve_name("socket"), 2,
                                SCMP_CMP(0, SCMP_CMP_MASKED_EQ, 0xffffffffU, AF_NETLINK),
                                SCMP_CMP(2, SCMP_CMP_MASKED_EQ, 0xffffffffU, NETLINK_AUDIT)) == 0;
}

void print(const sock_filter& instruction) {
  std::printf("{0x%04x, %u, %u, 0x%08x},\n", instruction.code, instruction.jt, instruction.jf, instruction.k);
}

/// libseccomp compares numbers for equality only: the bound stands before its filter.
void print_bound() {
  print({BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)});
  print({BPF_JMP | BPF_JGT | BPF_K, 0, 1, kLastJudged});
  print({BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS});
}

}  // namespace

int main() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  const bool built = filter != nullptr && seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 &&
                     seccomp_arch_add(filter, SCMP_ARCH_X86) == 0 && add_rules(filter);
  std::FILE* exported = std::tmpfile();
  if (!built || exported == nullptr || seccomp_export_bpf(filter, fileno(exported)) != 0) {
    std::fprintf(stderr, "seccomp_policy: libseccomp refused a rule\n");
    return 1;
  }
  std::rewind(exported);
  print_bound();
  sock_filter instruction{};
  while (std::fread(&instruction, sizeof instruction, 1, exported) == 1) print(instruction);
  return 0;
}
