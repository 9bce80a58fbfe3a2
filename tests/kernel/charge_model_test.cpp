// SPDX-License-Identifier: Apache-2.0
// charge() as the kernel runs it and accounting/charge_model take the same generated steps, and never differ; with a group above, too.
#include "accounting/charge_model.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <charge_model.skel.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <system_error>

#include "tests/kernel/charge_step.h"
#include "tests/support/charge_sequence.h"

namespace ubc::test {
namespace {

using accounting::ModelCounter;
using accounting::Severity;
using accounting::Verdict;

constexpr std::uint64_t kSeeds = 200;
constexpr int kSteps = 200;

/// The object's own ledger and health, and its program.
class KernelCharges {
 public:
  KernelCharges() : object_{charge_model_bpf__open_and_load(), &charge_model_bpf__destroy} {
    if (!object_) throw std::system_error(errno, std::generic_category(), "load charge_model.bpf.o");
    ledger_ = static_cast<ubc_beancounter*>(map(object_->maps.bss, UBC_MAX_SLOTS * sizeof(ubc_beancounter)));
    health_ = static_cast<const ubc_health*>(map(object_->maps.health, sizeof(ubc_health)));
  }
  ~KernelCharges() {
    (void)::munmap(ledger_, UBC_MAX_SLOTS * sizeof(ubc_beancounter));
    (void)::munmap(const_cast<ubc_health*>(health_), sizeof(ubc_health));
  }
  KernelCharges(const KernelCharges&) = delete;
  KernelCharges& operator=(const KernelCharges&) = delete;

  [[nodiscard]] ubc_counter& counter(std::uint32_t slot, std::uint32_t resource) { return ledger_[slot].counters[resource]; }
  void reset(std::uint32_t resource, std::uint32_t slot = STEP_SLOT, std::uint32_t group = 0) {
    ubc_counter fresh{};
    fresh.barrier = fresh.limit = UBC_UNLIMITED;
    if (group != 0) fresh.group = group * sizeof(ubc_beancounter) + resource * sizeof(ubc_counter);
    counter(slot, resource) = fresh;
  }
  [[nodiscard]] ModelCounter read(std::uint32_t resource, std::uint32_t slot = STEP_SLOT) {
    const volatile ubc_counter& now = counter(slot, resource);
    return {.held = now.held, .maxheld = now.maxheld, .barrier = now.barrier, .limit = now.limit, .failcnt = now.failcnt};
  }
  [[nodiscard]] std::uint64_t loss(ubc_loss reason) const { return *const_cast<const volatile ubc_u64*>(&health_->losses[reason]); }

  /// What charge() or uncharge() returned; fails the test where the kernel did not run it.
  [[nodiscard]] int run(std::uint32_t resource, const ChargeStep& step, std::uint32_t slot = STEP_SLOT) {
    charge_step in{.amount = step.amount,
                   .op = step.op == ChargeStep::Op::charge ? STEP_CHARGE : STEP_UNCHARGE,
                   .slot = slot,
                   .resource = resource,
                   .severity = static_cast<ubc_u32>(step.severity),
                   .verdict = 1000,
                   .reserved = 0};
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.ctx_in = &in;
    options.ctx_size_in = sizeof(in);
    EXPECT_EQ(bpf_prog_test_run_opts(bpf_program__fd(object_->progs.run_step), &options), 0);
    EXPECT_EQ(options.retval, 0U);
    return in.verdict;
  }

 private:
  static void* map(bpf_map* of, std::size_t size) {
    void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(of), 0);
    if (data == MAP_FAILED) throw std::system_error(errno, std::generic_category(), bpf_map__name(of));
    return data;
  }

  std::unique_ptr<charge_model_bpf, void (*)(charge_model_bpf*)> object_;
  ubc_beancounter* ledger_ = nullptr;
  const ubc_health* health_ = nullptr;
};

/// Takes the step on both sides and compares all that can be seen of it.
void take(KernelCharges& kernel, std::uint32_t resource, ModelCounter& model, const ChargeStep& step) {
  const std::uint64_t lost = kernel.loss(UBC_LOSS_UNCHARGE_TOO_MUCH);
  const bool fine = apply(model, step);
  if (step.op == ChargeStep::Op::set_limits) {
    kernel.counter(STEP_SLOT, resource).barrier = step.barrier;
    kernel.counter(STEP_SLOT, resource).limit = step.limit;
  } else {
    const bool refused = step.op == ChargeStep::Op::charge && !fine;
    EXPECT_EQ(kernel.run(resource, step), refused ? -1 : 0);
  }
  const bool too_much = step.op == ChargeStep::Op::uncharge && !fine;
  EXPECT_EQ(kernel.loss(UBC_LOSS_UNCHARGE_TOO_MUCH), lost + (too_much ? 1 : 0));
  EXPECT_EQ(kernel.read(resource), model);
}

TEST(ChargeModelInTheKernel, AgreesWithTheModelAfterEveryStepOfEverySequence) {
  KernelCharges kernel;
  std::array<ModelCounter, UBC_RESOURCES> models{};
  for (std::uint32_t resource = 0; resource < UBC_RESOURCES; ++resource) kernel.reset(resource);
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto resource = static_cast<std::uint32_t>(seed % UBC_RESOURCES);
    kernel.reset(resource);
    ModelCounter& model = models[resource] = {};
    ChargeSequence sequence{seed};
    for (int i = 0; i < kSteps; ++i) {
      const ModelCounter was = model;
      const ChargeStep step = sequence.next(was);
      take(kernel, resource, model, step);
      ASSERT_FALSE(testing::Test::HasFailure())
          << "seed " << seed << " step " << i << ": " << testing::PrintToString(step) << " at " << testing::PrintToString(was);
    }
  }
  for (std::uint32_t resource = 0; resource < UBC_RESOURCES; ++resource) {   // a step touched its own counter only
    EXPECT_EQ(kernel.read(resource), models[resource]) << resource;
    EXPECT_EQ(kernel.counter(STEP_SLOT - 1, resource).maxheld + kernel.counter(STEP_SLOT + 1, resource).maxheld, 0U) << resource;
  }
}

/// Two containers and their group.
struct Family {
  std::array<ModelCounter, STEP_MEMBERS> members;
  ModelCounter group;
};

/// A step of one of the members, whose amount (or whose new numbers) are about its own bounds or about the group's.
void take(KernelCharges& kernel, std::uint32_t resource, Family& models, std::uint32_t member, bool of_group, const ChargeStep& step) {
  const std::uint32_t slot = STEP_FIRST_MEMBER + member;
  ModelCounter& own = models.members[member];
  if (step.op == ChargeStep::Op::set_limits) {
    (void)apply(of_group ? models.group : own, step);
    ubc_counter& live = kernel.counter(of_group ? STEP_GROUP : slot, resource);
    live.barrier = step.barrier;
    live.limit = step.limit;
  } else if (step.op == ChargeStep::Op::charge) {
    EXPECT_EQ(kernel.run(resource, step, slot), static_cast<int>(charge(own, models.group, step.amount, step.severity)));
  } else {
    const std::uint64_t lost = kernel.loss(UBC_LOSS_UNCHARGE_TOO_MUCH);
    EXPECT_EQ(kernel.run(resource, step, slot), 0);
    EXPECT_EQ(kernel.loss(UBC_LOSS_UNCHARGE_TOO_MUCH), lost + (uncharge(own, models.group, step.amount) ? 0 : 1));
  }
  for (std::uint32_t i = 0; i < STEP_MEMBERS; ++i) EXPECT_EQ(kernel.read(resource, STEP_FIRST_MEMBER + i), models.members[i]) << i;
  EXPECT_EQ(kernel.read(resource, STEP_GROUP), models.group);
  EXPECT_EQ(models.group.held, models.members[0].held + models.members[1].held);
}

TEST(ChargeModelInTheKernel, AgreesWithTheModelOfTwoContainersInOneGroup) {
  KernelCharges kernel;
  std::array<int, 3> verdicts{};
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto resource = static_cast<std::uint32_t>(seed % UBC_RESOURCES);
    for (std::uint32_t i = 0; i < STEP_MEMBERS; ++i) kernel.reset(resource, STEP_FIRST_MEMBER + i, STEP_GROUP);
    kernel.reset(resource, STEP_GROUP);
    Family models;
    ChargeSequence sequence{seed};
    for (int i = 0; i < kSteps; ++i) {
      const auto member = static_cast<std::uint32_t>(i / 2 % STEP_MEMBERS);
      const bool of_group = i % 3 == 0;
      const Family was = models;
      const ModelCounter& about = of_group ? was.group : was.members[member];
      const ChargeStep step = about.held <= UBC_UNLIMITED ? sequence.next(about)  // two that hold all that can be counted: more than that
                                                          : ChargeStep{.op = ChargeStep::Op::uncharge, .amount = was.members[member].held};
      if (step.op == ChargeStep::Op::charge) {
        Family probe = was;
        ++verdicts[static_cast<std::size_t>(-static_cast<int>(charge(probe.members[member], probe.group, step.amount, step.severity)))];
      }
      take(kernel, resource, models, member, of_group, step);
      ASSERT_FALSE(testing::Test::HasFailure())
          << "seed " << seed << " step " << i << " of member " << member << ": " << testing::PrintToString(step) << " at "
          << testing::PrintToString(was.members[member]) << " in " << testing::PrintToString(was.group);
    }
  }
  for (const int times : verdicts) EXPECT_GT(times, 1000) << "granted, refused, refused by the group";
}

TEST(ChargeModelInTheKernel, AGroupsNumbersAreNoneOfAnotherContainers) {
  KernelCharges kernel;
  kernel.reset(UBC_NUMPROC);
  kernel.reset(UBC_NUMPROC, STEP_FIRST_MEMBER, STEP_GROUP);
  kernel.reset(UBC_NUMPROC, STEP_GROUP);
  kernel.counter(STEP_GROUP, UBC_NUMPROC).barrier = 3;
  const ChargeStep three{.op = ChargeStep::Op::charge, .amount = 3}, one{.op = ChargeStep::Op::charge, .amount = 1};
  EXPECT_EQ(kernel.run(UBC_NUMPROC, three, STEP_FIRST_MEMBER), static_cast<int>(Verdict::granted));
  EXPECT_EQ(kernel.run(UBC_NUMPROC, one, STEP_FIRST_MEMBER), static_cast<int>(Verdict::refused_by_group));
  EXPECT_EQ(kernel.run(UBC_NUMPROC, one), static_cast<int>(Verdict::granted));
  EXPECT_EQ(kernel.read(UBC_NUMPROC, STEP_GROUP).held, 3U);
  EXPECT_EQ(kernel.read(UBC_NUMPROC).failcnt, 0U);
}

}  // namespace
}  // namespace ubc::test
