// SPDX-License-Identifier: Apache-2.0
#include "isolate/system_call.h"

#include <iterator>

namespace ubc::isolate {
namespace {

#include "system_call_names.inc"

}  // namespace

const char* system_call_name(std::uint32_t number, bool compat) {
  if (compat) return number < std::size(kNames32) ? kNames32[number] : nullptr;
  return number < std::size(kNames64) ? kNames64[number] : nullptr;
}

}  // namespace ubc::isolate
