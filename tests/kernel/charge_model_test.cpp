// SPDX-License-Identifier: Apache-2.0
// charge() as the kernel runs it and accounting/charge_model take the same generated steps, and never differ.
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
  void reset(std::uint32_t resource) {
    ubc_counter fresh{};
    fresh.barrier = fresh.limit = UBC_UNLIMITED;
    counter(STEP_SLOT, resource) = fresh;
  }
  [[nodiscard]] ModelCounter read(std::uint32_t resource) {
    const volatile ubc_counter& now = counter(STEP_SLOT, resource);
    return {.held = now.held, .maxheld = now.maxheld, .barrier = now.barrier, .limit = now.limit, .failcnt = now.failcnt};
  }
  [[nodiscard]] std::uint64_t loss(ubc_loss reason) const { return *const_cast<const volatile ubc_u64*>(&health_->losses[reason]); }

  /// What charge() or uncharge() returned; fails the test where the kernel did not run it.
  [[nodiscard]] int run(std::uint32_t resource, const ChargeStep& step) {
    charge_step in{.amount = step.amount,
                   .op = step.op == ChargeStep::Op::charge ? STEP_CHARGE : STEP_UNCHARGE,
                   .resource = resource,
                   .severity = static_cast<ubc_u32>(step.severity),
                   .verdict = 1000};
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

}  // namespace
}  // namespace ubc::test
