# ONNX's own C++ library: checker, shape inference, version converter, inliner.
#
# Built once from its source package on PyPI and kept outside the build folder,
# where every preset and clone finds it. Gives the target `qcc_onnx`.

set(QCC_ONNX_VERSION 1.23.2)
set(QCC_ONNX_SHA256 008cb0467b2bbee41448acc7da8b6f4e704624cb0d327a2d5adafc7ce19bc5b8)

if(DEFINED ENV{XDG_CACHE_HOME} AND NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
  set(qcc_deps_default "$ENV{XDG_CACHE_HOME}/qcc")
elseif(DEFINED ENV{HOME} AND NOT "$ENV{HOME}" STREQUAL "")
  set(qcc_deps_default "$ENV{HOME}/.cache/qcc")
else()
  set(qcc_deps_default "${CMAKE_BINARY_DIR}/deps")
endif()
set(QCC_DEPS_DIR "${qcc_deps_default}" CACHE PATH "Where libraries built from source are kept for all build folders")
set(QCC_ONNX_SDIST "" CACHE FILEPATH "onnx-${QCC_ONNX_VERSION}.tar.gz, if it is not to be fetched with pip")

find_package(Protobuf 3.21 MODULE)
if(NOT Protobuf_FOUND)
  message(FATAL_ERROR "protobuf's development files are missing: apt-get install libprotobuf-dev protobuf-compiler")
endif()
find_package(Python3 REQUIRED COMPONENTS Interpreter)

# Fetches the source package into `dir`; sets `var` to the file.
function(qcc_fetch_onnx dir var)
  set(sdist ${dir}/onnx-${QCC_ONNX_VERSION}.tar.gz)
  if(QCC_ONNX_SDIST)
    if(NOT EXISTS "${QCC_ONNX_SDIST}")
      message(FATAL_ERROR "QCC_ONNX_SDIST names '${QCC_ONNX_SDIST}', which does not exist")
    endif()
    set(sdist ${QCC_ONNX_SDIST})
  else()
    message(STATUS "ONNX ${QCC_ONNX_VERSION}: fetching the source package with pip")
    execute_process(
      COMMAND ${Python3_EXECUTABLE} -m pip download --quiet --disable-pip-version-check --no-deps
              --no-binary onnx --dest ${dir} onnx==${QCC_ONNX_VERSION}
      RESULT_VARIABLE failed)
    if(failed OR NOT EXISTS ${sdist})
      message(FATAL_ERROR "pip could not fetch onnx ${QCC_ONNX_VERSION} (see above). "
        "Without pip: apt-get install python3-pip. Without a network: fetch onnx-${QCC_ONNX_VERSION}.tar.gz "
        "elsewhere and configure with -DQCC_ONNX_SDIST=<that file>.")
    endif()
  endif()
  file(SHA256 ${sdist} actual)
  if(NOT actual STREQUAL QCC_ONNX_SHA256)
    message(FATAL_ERROR "${sdist} has SHA-256 ${actual}, but ${QCC_ONNX_SHA256} is expected: "
      "delete it and configure again")
  endif()
  set(${var} ${sdist} PARENT_SCOPE)
endfunction()

# Builds in `work`, installs into `work`/out.
function(qcc_build_onnx work)
  qcc_fetch_onnx(${work} sdist)
  file(ARCHIVE_EXTRACT INPUT ${sdist} DESTINATION ${work})
  set(source ${work}/onnx-${QCC_ONNX_VERSION})
  # It asks for a newer CMake than Debian 12 has, but uses nothing of it.
  file(READ ${source}/CMakeLists.txt text)
  string(REPLACE "cmake_minimum_required(VERSION 3.26)" "cmake_minimum_required(VERSION 3.25)" text "${text}")
  file(WRITE ${source}/CMakeLists.txt "${text}")

  set(launcher "")
  if(QCC_CCACHE)
    set(launcher -DCMAKE_CXX_COMPILER_LAUNCHER=${QCC_CCACHE})
  endif()
  message(STATUS "ONNX ${QCC_ONNX_VERSION}: building (once; about three minutes on two cores)")
  foreach(command IN ITEMS
      "-S;${source};-B;${work}/build;-G;Ninja;${QCC_ONNX_FLAGS};${launcher};-DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER};-DPython3_EXECUTABLE=${Python3_EXECUTABLE}"
      "--build;${work}/build" "--install;${work}/build;--prefix;${work}/out")
    execute_process(COMMAND ${CMAKE_COMMAND} ${command} RESULT_VARIABLE failed)
    if(failed)
      message(FATAL_ERROR "building ONNX ${QCC_ONNX_VERSION} failed (see above). Needed: ninja-build, g++, "
        "libprotobuf-dev, protobuf-compiler, and about 3 GiB of memory. The tree is kept in ${work}")
    endif()
  endforeach()
endfunction()

set(QCC_ONNX_FLAGS
  -DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_FLAGS=-ffunction-sections -fdata-sections"
  -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_POSITION_INDEPENDENT_CODE=ON
  -DONNX_ML=ON -DONNX_BUILD_PYTHON=OFF -DONNX_BUILD_TESTS=OFF -DONNX_USE_PROTOBUF_SHARED_LIBS=ON
  -DONNX_GEN_PB_TYPE_STUBS=OFF)

# The library is finished in a folder of its own and then renamed, under a lock:
# configuring twice at once builds once, and nobody sees half of it.
function(qcc_find_onnx)
  string(SHA256 key "${QCC_ONNX_SHA256};${QCC_ONNX_FLAGS};${CMAKE_CXX_COMPILER_ID};${CMAKE_CXX_COMPILER_VERSION};${CMAKE_SYSTEM_PROCESSOR};${Protobuf_VERSION}")
  string(SUBSTRING ${key} 0 12 key)
  set(prefix ${QCC_DEPS_DIR}/onnx-${QCC_ONNX_VERSION}-${key})
  if(NOT EXISTS ${prefix}/lib/cmake/ONNX/ONNXConfig.cmake)
    file(MAKE_DIRECTORY ${QCC_DEPS_DIR})
    file(LOCK ${QCC_DEPS_DIR}/onnx.lock GUARD FUNCTION TIMEOUT 3600 RESULT_VARIABLE locked)
    if(NOT locked EQUAL 0)
      message(FATAL_ERROR "${QCC_DEPS_DIR}/onnx.lock: ${locked}; choose another folder with -DQCC_DEPS_DIR=<folder>")
    endif()
    if(NOT EXISTS ${prefix}/lib/cmake/ONNX/ONNXConfig.cmake)
      file(REMOVE_RECURSE ${prefix} ${prefix}.work)
      file(MAKE_DIRECTORY ${prefix}.work)
      qcc_build_onnx(${prefix}.work)
      file(RENAME ${prefix}.work/out ${prefix})
      file(REMOVE_RECURSE ${prefix}.work)
    endif()
  endif()
  message(STATUS "ONNX ${QCC_ONNX_VERSION}: ${prefix}")
  set(ONNX_DIR ${prefix}/lib/cmake/ONNX PARENT_SCOPE)
endfunction()

qcc_find_onnx()
find_package(ONNX ${QCC_ONNX_VERSION} EXACT REQUIRED CONFIG PATHS ${ONNX_DIR} NO_DEFAULT_PATH)
add_library(qcc_onnx INTERFACE)
target_link_libraries(qcc_onnx INTERFACE ONNX::onnx protobuf::libprotobuf)
