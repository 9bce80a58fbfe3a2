// SPDX-License-Identifier: Apache-2.0
// numbpf on a real kernel: maps and programs of a container that has the right to make them.
#include <bpf/bpf.h>
#include <errno.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/support/slot_process.h"

namespace ubc::test {
namespace {

/// In the slot, with the host's capabilities: as a privileged container of somebody else's may be.
int run_privileged(std::uint32_t slot, const std::function<int()>& body) {
  return Process([&] { return ::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) == 0 ? joined(slot, body)() : 210; }).wait();
}

int make_map() { return ::bpf_map_create(BPF_MAP_TYPE_ARRAY, "test", 4, 8, 1, nullptr); }

int load_program() {
  const bpf_insn program[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
                              {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  return ::bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "test", "GPL", program, std::size(program), nullptr);
}

TEST(Numbpf, MapsAndProgramsAreAllowedAtTheBarrierAndRefusedAboveItWithEnospc) {
  const std::uint32_t slot = fresh_slot(), other = fresh_slot();
  limit(slot, UBC_NUMBPF, 4, 10);
  limit(other, UBC_NUMBPF, 4, 10);
  Shared<std::uint64_t> then;
  EXPECT_EQ(run_privileged(slot,
                           [&] {
                             if (make_map() < 0 || make_map() < 0 || load_program() < 0 || load_program() < 0) return 1;
                             *then = held(slot, UBC_NUMBPF);
                             if (make_map() >= 0 || errno != ENOSPC) return 2;
                             return load_program() < 0 && errno == ENOSPC ? 0 : 3;
                           }),
            0);
  EXPECT_EQ(*then, 4U);
  EXPECT_EQ(maxheld(slot, UBC_NUMBPF), 4U);
  EXPECT_GE(failcnt(slot, UBC_NUMBPF), 2U);
  EXPECT_EQ(settled(slot, UBC_NUMBPF, 0), 0U);
  EXPECT_EQ(run_privileged(other, [] { return make_map() >= 0 ? 0 : 1; }), 0);
  EXPECT_EQ(failcnt(other, UBC_NUMBPF), 0U);
  EXPECT_EQ(settled(other, UBC_NUMBPF, 0), 0U);
}

}  // namespace
}  // namespace ubc::test
