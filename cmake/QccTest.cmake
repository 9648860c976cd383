# Unit tests: GoogleTest programs that lit runs and counts case by case.

option(QCC_TESTS "Fail without GoogleTest, which otherwise only leaves out the unit tests" OFF)
find_package(GTest QUIET)
if(QCC_TESTS AND NOT GTest_FOUND)
  message(FATAL_ERROR "GoogleTest is missing: run tools/setup test")
endif()

# add_qcc_unittest(Name file.cpp... [LINK lib...]): a program in build/PRESET/test/bin.
# Libraries of MLIR code bring their flags with them; a plain one gets qcc_flags.
function(add_qcc_unittest name)
  if(NOT GTest_FOUND)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE qcc_flags ${ARG_LINK} GTest::gtest_main)
  target_compile_options(${name} PRIVATE -Wno-dangling-else) # GoogleTest's macros under an if
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test/bin)
  set_property(GLOBAL APPEND_STRING PROPERTY QCC_UNITTESTS "${CMAKE_BINARY_DIR}/test/bin/${name}\n")
endfunction()

# Called when all are declared: the list that lit reads.
function(qcc_finish_unittests)
  get_property(programs GLOBAL PROPERTY QCC_UNITTESTS)
  file(WRITE ${CMAKE_BINARY_DIR}/test/unittests.txt "${programs}")
endfunction()
