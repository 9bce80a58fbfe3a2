// SPDX-License-Identifier: Apache-2.0
// nummsgqueue and numsemset on a real kernel: from creation until removal or the end of the namespace.
#include <errno.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <unistd.h>

#include "tests/support/slot_process.h"

namespace ubc::test {
namespace {

struct Kind {
  ubc_resource resource;
  int (*make)();
  int (*remove)(int id);
};
const Kind kKinds[] = {
    {UBC_NUMMSGQUEUE, [] { return ::msgget(IPC_PRIVATE, 0666); }, [](int id) { return ::msgctl(id, IPC_RMID, nullptr); }},
    {UBC_NUMSEMSET, [] { return ::semget(IPC_PRIVATE, 3, 0666); }, [](int id) { return ::semctl(id, 0, IPC_RMID); }},
};

/// Runs `body` in the slot with an IPC namespace of its own, as a guest has.
int run_with_ipc(std::uint32_t slot, const std::function<int()>& body) {
  return Process([&] { return ::unshare(CLONE_NEWIPC) == 0 ? joined(slot, body)() : 210; }).wait();
}

TEST(SysvIpc, AnObjectIsAllowedAtTheBarrierRefusedAboveItWithEnospcAndGivenBackAtOnce) {
  for (const Kind& kind : kKinds) {
    const std::uint32_t slot = fresh_slot(), other = fresh_slot();
    limit(slot, kind.resource, 3, 10);
    limit(other, kind.resource, 3, 10);
    EXPECT_EQ(run_with_ipc(slot,
                           [&] {
                             int id = -1;
                             for (int i = 0; i < 3; ++i)
                               if ((id = kind.make()) < 0) return 1;
                             if (kind.make() != -1 || errno != ENOSPC) return 2;
                             if (held(slot, kind.resource) != 3) return 3;
                             for (int i = 0; i < 200; ++i) {   // no grace period is waited for
                               if (kind.remove(id) != 0) return 4;
                               if (held(slot, kind.resource) != 2) return 5;
                               if ((id = kind.make()) < 0) return 6;
                             }
                             return 0;
                           }),
              0)
        << kind.resource;
    EXPECT_EQ(maxheld(slot, kind.resource), 3U);
    EXPECT_EQ(failcnt(slot, kind.resource), 1U);
    EXPECT_EQ(settled(slot, kind.resource, 0), 0U);   // with the namespace
    EXPECT_EQ(run_with_ipc(other, [&] { return kind.make() >= 0 ? 0 : 1; }), 0);
    EXPECT_EQ(failcnt(other, kind.resource), 0U);
  }
}

TEST(SysvIpc, AnObjectOutlivesItsMakerAndIsItsMakersWhoeverRemovesIt) {
  for (const Kind& kind : kKinds) {
    const std::uint32_t maker = fresh_slot(), remover = fresh_slot();
    Shared<int> id;
    EXPECT_EQ(run_in(maker, [&] { return (*id = kind.make()) >= 0 ? 0 : 1; }), 0);
    EXPECT_EQ(settled(maker, UBC_NUMPROC, 0), 0U);
    EXPECT_EQ(held(maker, kind.resource), 1U);
    EXPECT_EQ(run_in(remover, [&] { return kind.remove(*id); }), 1 + 254);   // not its owner: EPERM
    EXPECT_EQ(kind.remove(*id), 0);
    EXPECT_EQ(held(maker, kind.resource), 0U);
    EXPECT_EQ(held(remover, kind.resource), 0U);
  }
}

}  // namespace
}  // namespace ubc::test
