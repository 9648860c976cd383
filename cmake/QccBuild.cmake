# How qcc's own code is built: LLVM and MLIR, warnings, sanitisers, ccache.

option(QCC_SANITIZE "Build with the address and undefined-behaviour sanitisers" OFF)

set(MLIR_DIR /usr/lib/llvm-22/lib/cmake/mlir CACHE PATH "MLIR 22's CMake package")
find_package(MLIR REQUIRED CONFIG)
if(NOT LLVM_VERSION_MAJOR EQUAL 22)
  message(FATAL_ERROR "qcc needs LLVM and MLIR 22, found ${LLVM_PACKAGE_VERSION}; install libmlir-22-dev or set MLIR_DIR")
endif()
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
# Where tablegen looks, too.
include_directories(SYSTEM ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
include_directories(${CMAKE_SOURCE_DIR})
set(QCC_LLVM_BIN ${LLVM_TOOLS_BINARY_DIR})

find_program(QCC_CCACHE ccache)
if(QCC_CCACHE)
  # One cache serves all checkouts: paths below this one count as relative.
  # pch_defines, time_macros: what ccache asks for before it caches uses of a precompiled header.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
               CCACHE_SLOPPINESS=pch_defines,time_macros ${QCC_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

if(EXISTS ${QCC_LLVM_BIN}/ld.lld)
  add_link_options(-B${QCC_LLVM_BIN} -fuse-ld=lld)
endif()

add_library(qcc_flags INTERFACE)
# No contraction: the meaning of every rounding step is in the source.
target_compile_options(qcc_flags INTERFACE -Wall -Wextra -Werror -fvisibility-inlines-hidden -ffp-contract=off)
# What GCC 12 believes to see through inlined standard containers, differently at each level of optimisation.
foreach(doubtful stringop-overflow stringop-overread array-bounds restrict maybe-uninitialized free-nonheap-object)
  target_compile_options(qcc_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-${doubtful}>)
endforeach()
target_include_directories(qcc_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
if(QCC_SANITIZE)
  # Without -fno-tree-pta GCC spends most of its time on what the checks' calls might point to.
  add_compile_options(-fno-tree-pta -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined -fno-sanitize=vptr)
  add_link_options(-fsanitize=address,undefined)
endif()

add_library(qcc_mlir_flags INTERFACE)
target_link_libraries(qcc_mlir_flags INTERFACE qcc_flags)
target_include_directories(qcc_mlir_flags SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
target_compile_options(qcc_mlir_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti -fno-exceptions -Wno-unused-parameter>)
target_link_libraries(qcc_mlir_flags INTERFACE MLIR LLVM)

# MLIR's headers take most of a file's compile time, so they are compiled once.
file(WRITE ${CMAKE_BINARY_DIR}/pch/Pch.cpp "")
add_library(qcc_pch STATIC ${CMAKE_BINARY_DIR}/pch/Pch.cpp)
target_link_libraries(qcc_pch PUBLIC qcc_mlir_flags)
target_precompile_headers(qcc_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/Pch.h)

# add_qcc_library(Name file.cpp... [DEPENDS target...] [LINK lib...]): a static library of code that uses MLIR.
function(add_qcc_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC qcc_mlir_flags ${ARG_LINK})
  target_precompile_headers(${name} REUSE_FROM qcc_pch)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# add_qcc_tablegen(Target SOURCE file.td OUTPUT name FLAGS...): one generated file and the target that makes it.
function(qcc_tablegen target td)
  set(LLVM_TARGET_DEFINITIONS ${td})
  cmake_parse_arguments(ARG "" "" "GEN" ${ARGN})
  foreach(entry IN LISTS ARG_GEN)
    string(REPLACE "=" ";" pair ${entry})
    list(POP_FRONT pair file)
    string(REPLACE ";" "=" flags "${pair}")
    string(REPLACE " " ";" flags "${flags}")
    mlir_tablegen(${file} ${flags})
  endforeach()
  add_public_tablegen_target(${target})
endfunction()

find_package(LLD REQUIRED CONFIG HINTS ${LLVM_DIR}/../lld)
