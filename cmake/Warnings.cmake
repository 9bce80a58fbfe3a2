# SPDX-License-Identifier: Apache-2.0
# Every target of ours links ubc_warnings privately; foreign headers come in as SYSTEM.
add_library(ubc_warnings INTERFACE)
target_compile_options(ubc_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wswitch-enum -Wold-style-cast)
if(UBC_WERROR)
  target_compile_options(ubc_warnings INTERFACE -Werror)
endif()

# One static library a folder, with an alias: ubc_library(os SOURCES a.cpp LINKS x PRIVATE_LINKS y)
function(ubc_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  add_library(ubc_${name} STATIC ${arg_SOURCES})
  add_library(ubc::${name} ALIAS ubc_${name})
  target_include_directories(ubc_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(ubc_${name} PUBLIC ${arg_LINKS} PRIVATE ubc_warnings ubc_sanitizers ${arg_PRIVATE_LINKS})
  ubc_reuse(ubc_precompiled ubc_${name})
endfunction()
