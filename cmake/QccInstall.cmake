# What `cmake --install` puts in place: the programs, the runtime, and how other
# builds find them: find_package(qcc) and pkg-config.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

foreach(program qcc qcc-run)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()
# The programs look for the runtime in ../lib, as in the build folder.
install(FILES $<TARGET_FILE:qcc_rt> DESTINATION lib)
# Other targets' only where they were built: `--target qcc qcc_rt` is a build, too.
foreach(triple aarch64-linux-gnu)
  if(TARGET qcc_rt_${triple})
    install(FILES ${CMAKE_ARCHIVE_OUTPUT_DIRECTORY}/${triple}/libqcc_rt.a DESTINATION lib/${triple} OPTIONAL)
  endif()
endforeach()
install(DIRECTORY ${CMAKE_SOURCE_DIR}/runtime/include/qcc DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/qccConfig.cmake.in ${CMAKE_BINARY_DIR}/qccConfig.cmake
  INSTALL_DESTINATION lib/cmake/qcc
  PATH_VARS CMAKE_INSTALL_BINDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/qccConfigVersion.cmake COMPATIBILITY SameMinorVersion)
configure_file(${CMAKE_CURRENT_LIST_DIR}/qcc.pc.in ${CMAKE_BINARY_DIR}/qcc.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/qccConfig.cmake ${CMAKE_BINARY_DIR}/qccConfigVersion.cmake
              ${CMAKE_CURRENT_LIST_DIR}/QccModel.cmake
        DESTINATION lib/cmake/qcc)
install(FILES ${CMAKE_BINARY_DIR}/qcc.pc DESTINATION lib/pkgconfig)
