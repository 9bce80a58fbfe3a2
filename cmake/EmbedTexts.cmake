# SPDX-License-Identifier: Apache-2.0
# cmake -DOUTPUT=F.cpp -DHEADER=H -DTYPE=n::T -DFUNCTION=n::f -DSTART=S -DEND=E "-DNAMES=a b" -P EmbedTexts.cmake: the file S<name>E of each
# name → n::f(), a span of T{name, text}, within ubc.
separate_arguments(NAMES)
set(rows "")
foreach(name ${NAMES})
  file(READ ${START}${name}${END} text)
  string(APPEND rows "    {\"${name}\", R\"text(${text})text\"},\n")
endforeach()
file(WRITE ${OUTPUT} "// Generated from ${START}*${END}.
#include \"${HEADER}\"

namespace ubc {
namespace {
constexpr ${TYPE} kTexts[] = {
${rows}};
}  // namespace

std::span<const ${TYPE}> ${FUNCTION}() { return kTexts; }

}  // namespace ubc
")
