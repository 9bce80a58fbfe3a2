# SPDX-License-Identifier: Apache-2.0
# add_bpf_skeleton(NAME): NAME.bpf.c → NAME.bpf.o → NAME.skel.h and NAME.id.h, a digest of the object, as the INTERFACE target ubc_bpf_NAME.
# The DEPFILE makes a touched header rebuild object, skeleton and users.
find_program(BPF_CLANG NAMES clang clang-14 REQUIRED)
find_program(LLVM_STRIP NAMES llvm-strip llvm-strip-14 REQUIRED)
find_program(BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)

set(UBC_SKELETONS "" CACHE PATH "A build tree whose skeletons are taken as they are, instead of compiling them here")

function(add_bpf_skeleton name)
  if(UBC_SKELETONS)
    file(RELATIVE_PATH folder ${PROJECT_BINARY_DIR} ${CMAKE_CURRENT_BINARY_DIR})
    if(NOT EXISTS ${UBC_SKELETONS}/${folder}/skel/${name}.skel.h)
      message(FATAL_ERROR "${UBC_SKELETONS} holds no BPF skeleton ${name}: run ./dev build first")
    endif()
    add_library(ubc_bpf_${name} INTERFACE)
    target_include_directories(ubc_bpf_${name} SYSTEM INTERFACE ${UBC_SKELETONS}/${folder}/skel)
    return()
  endif()
  set(obj ${CMAKE_CURRENT_BINARY_DIR}/${name}.bpf.o)
  set(header ${CMAKE_CURRENT_BINARY_DIR}/skel/${name}.skel.h)
  set(digest ${CMAKE_CURRENT_BINARY_DIR}/skel/${name}.id.h)
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/skel)
  add_custom_command(OUTPUT ${obj} DEPFILE ${obj}.d DEPENDS ${name}.bpf.c VERBATIM
    COMMAND ${BPF_CLANG} -target bpf -mcpu=v3 -g -O2 -Wall -Werror -D__TARGET_ARCH_x86
            -I${PROJECT_SOURCE_DIR} -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
            -MD -MF ${obj}.d -MT ${obj}
            -c ${CMAKE_CURRENT_SOURCE_DIR}/${name}.bpf.c -o ${obj}
    COMMAND ${LLVM_STRIP} -g ${obj}
    COMMENT "BPF object ${name}")
  add_custom_command(OUTPUT ${header} ${digest} DEPENDS ${obj} VERBATIM
    COMMAND sh -c "\"$1\" gen skeleton \"$2\" name \"$3\" > \"$4\"" sh ${BPFTOOL} ${obj} ${name}_bpf ${header}
    COMMAND ${CMAKE_COMMAND} -DOBJECT=${obj} -DHEADER=${digest} -P ${PROJECT_SOURCE_DIR}/cmake/BpfDigest.cmake
    COMMENT "BPF skeleton ${name}")
  add_custom_target(ubc_bpf_${name}_header DEPENDS ${header})
  add_library(ubc_bpf_${name} INTERFACE)
  add_dependencies(ubc_bpf_${name} ubc_bpf_${name}_header)
  target_include_directories(ubc_bpf_${name} SYSTEM INTERFACE ${CMAKE_CURRENT_BINARY_DIR}/skel)
endfunction()
