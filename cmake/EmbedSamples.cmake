# SPDX-License-Identifier: Apache-2.0
# cmake -DOUTPUT=F.cpp -DDIRECTORY=D "-DNAMES=a b" -P EmbedSamples.cmake: D/ve-NAME.conf-sample of each name → builtin_samples().
separate_arguments(NAMES)
set(rows "")
foreach(name ${NAMES})
  file(READ ${DIRECTORY}/ve-${name}.conf-sample text)
  string(APPEND rows "    {\"${name}\", R\"sample(${text})sample\"},\n")
endforeach()
file(WRITE ${OUTPUT} "// Generated from packaging/conf-samples.
#include \"accounting/samples.h\"

namespace ubc::accounting {
namespace {
constexpr Sample kSamples[] = {
${rows}};
}  // namespace

std::span<const Sample> builtin_samples() { return kSamples; }

}  // namespace ubc::accounting
")
