# SPDX-License-Identifier: Apache-2.0
# What most files include, parsed once: a third off the time of a build. Each file still includes what it uses: release, lint and fuzz
# are built without.
option(UBC_PRECOMPILE "Precompile the headers that most files include" OFF)

set(UBC_PRECOMPILED <algorithm> <array> <chrono> <cstdint> <filesystem> <fstream> <functional> <map> <memory> <optional> <set> <span> <sstream>
  <string> <string_view> <vector>)

# ubc_precompile(TARGET [LINKS library...] [HEADERS <header>...] [OPTIONS -flag...]): for others to reuse
function(ubc_precompile name)
  cmake_parse_arguments(arg "" "" "LINKS;HEADERS;OPTIONS" ${ARGN})
  if(NOT UBC_PRECOMPILE)
    return()
  endif()
  file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp CONTENT "")
  add_library(${name} OBJECT ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
  target_link_libraries(${name} PRIVATE ubc_warnings ubc_sanitizers ${arg_LINKS})
  target_compile_options(${name} PRIVATE ${arg_OPTIONS})
  target_precompile_headers(${name} PRIVATE ${UBC_PRECOMPILED} ${arg_HEADERS})
endfunction()

# ubc_reuse(PRECOMPILED TARGET...)
function(ubc_reuse precompiled)
  if(UBC_PRECOMPILE)
    foreach(target ${ARGN})
      target_precompile_headers(${target} REUSE_FROM ${precompiled})
    endforeach()
  endif()
endfunction()
