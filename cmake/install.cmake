# What is installed, as the components of which Debian's packages are made too: library, dev, command, bench.

# The static library's needs by their names, for pkg-config.
set(CAVIAR_PRIVATE_LIBS "-pthread -lm")
if(CAVIAR_HAVE_CUDA)
    string(APPEND CAVIAR_PRIVATE_LIBS " -L${CUDAToolkit_LIBRARY_DIR} -lcublas -lcudart_static -lrt -ldl -lstdc++")
endif()
# Counted from where the file lies, so that an installation can be moved; unless a folder was given as an absolute one.
file(RELATIVE_PATH CAVIAR_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
set(CAVIAR_PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
set(CAVIAR_PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
set(CAVIAR_PC_PREFIX_LINE "\${pcfiledir}/${CAVIAR_PC_PREFIX}")
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    set(CAVIAR_PC_LIBDIR "${CMAKE_INSTALL_LIBDIR}")
    set(CAVIAR_PC_PREFIX_LINE "${CMAKE_INSTALL_PREFIX}")
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(CAVIAR_PC_INCLUDEDIR "${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file(cmake/caviar.pc.in caviar.pc @ONLY)
configure_package_config_file(cmake/caviarConfig.cmake.in caviarConfig.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/caviar)
write_basic_package_version_file(caviarConfigVersion.cmake COMPATIBILITY SameMinorVersion)

install(DIRECTORY include/caviar DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
install(TARGETS caviar_shared EXPORT caviarTargets LIBRARY COMPONENT library NAMELINK_COMPONENT dev)
install(TARGETS caviar_static EXPORT caviarTargets ARCHIVE COMPONENT dev)
install(EXPORT caviarTargets NAMESPACE caviar:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/caviar COMPONENT dev)
install(FILES ${PROJECT_BINARY_DIR}/caviarConfig.cmake ${PROJECT_BINARY_DIR}/caviarConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/caviar COMPONENT dev)
# Programs link the library that is optimised; a debug build lies beside it and is found by CMake.
install(FILES ${PROJECT_BINARY_DIR}/caviar.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev
        CONFIGURATIONS Release RelWithDebInfo MinSizeRel "")
install(FILES LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT library)

# -------------------------------------------------------------------------------------------------------- Debian packages
# cpack -G DEB in the build's folder makes them.
if(PROJECT_IS_TOP_LEVEL)
    set(CPACK_GENERATOR DEB)
    set(CPACK_PACKAGE_NAME caviar)
    set(CPACK_PACKAGE_CONTACT "The caviar authors <caviar@localhost>")
    set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
    set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
    set(CPACK_COMPONENTS_ALL library dev command bench)
    set(CPACK_DEB_COMPONENT_INSTALL ON)
    set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
    set(CPACK_DEBIAN_PACKAGE_SECTION science)
    set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libcaviar${PROJECT_VERSION_MAJOR})
    set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
    set(CPACK_DEBIAN_DEV_PACKAGE_NAME libcaviar-dev)
    set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
    # The static library's needs; the shared one's come along with its package.
    set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libcaviar${PROJECT_VERSION_MAJOR} (= ${PROJECT_VERSION})")
    set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS "libjansson-dev, libyaml-dev, zlib1g-dev, libzstd-dev")
    set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME caviar)
    set(CPACK_DEBIAN_BENCH_PACKAGE_NAME caviar-bench)
    # What programs need they link: dpkg-shlibdeps looks it up.
    set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
    set(CPACK_COMPONENT_LIBRARY_DESCRIPTION "The shared library.")
    set(CPACK_COMPONENT_DEV_DESCRIPTION "Headers, the static library, and what CMake and pkg-config need.")
    set(CPACK_COMPONENT_COMMAND_DESCRIPTION "The command caviar: search, train, predict.")
    set(CPACK_COMPONENT_BENCH_DESCRIPTION "caviar-bench, the benchmark suite.")
    include(CPack)
endif()
