// SPDX-License-Identifier: Apache-2.0
// Runs at build time: prints the names of both system call tables, by number, for system_call.cpp.
#include <seccomp.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

constexpr int kNumbers = 512;   // both tables end below

void print_table(const char* variable, std::uint32_t architecture) {
  std::printf("constexpr const char* %s[] = {\n", variable);
  for (int number = 0; number < kNumbers; ++number) {
    char* name = seccomp_syscall_resolve_num_arch(architecture, number);
    if (name == nullptr)
      std::printf("nullptr,\n");
    else
      std::printf("\"%s\",\n", name);
    std::free(name);
  }
  std::printf("};\n");
}

}  // namespace

int main() {
  print_table("kNames64", SCMP_ARCH_X86_64);
  print_table("kNames32", SCMP_ARCH_X86);
  return 0;
}
