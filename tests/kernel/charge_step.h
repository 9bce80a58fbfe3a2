/* SPDX-License-Identifier: (GPL-2.0 OR Apache-2.0) */
/* What charge_model_test.cpp hands to charge_model.bpf.c and gets back. */
#ifndef UBC_CHARGE_STEP_H
#define UBC_CHARGE_STEP_H

#include "bpf/ubc_abi.h"

#define STEP_SLOT 1
#define STEP_MEMBERS 2      /* slots that are charged with the group's */
#define STEP_FIRST_MEMBER 3
#define STEP_GROUP 7

enum step_op { STEP_CHARGE = 1, STEP_UNCHARGE = 2 };

struct charge_step {
  ubc_u64 amount;
  ubc_u32 op;              /* enum step_op */
  ubc_u32 slot;
  ubc_u32 resource;
  ubc_u32 severity;        /* enum ubc_severity, of a charge */
  int verdict;             /* out: what charge() returned; 0 after an uncharge */
  ubc_u32 reserved;
};
UBC_ABI_SIZE(charge_step, 32);

#endif
