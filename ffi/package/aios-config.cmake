# find_package(aios) gives two targets: aios::context, the shared library, and aios::static.

get_filename_component(_aios_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

if(NOT TARGET aios::context)
  add_library(aios::context SHARED IMPORTED)
  set_target_properties(aios::context PROPERTIES
    IMPORTED_LOCATION "${_aios_prefix}/lib/libaios_context${CMAKE_SHARED_LIBRARY_SUFFIX}"
    IMPORTED_NO_SONAME TRUE
    INTERFACE_INCLUDE_DIRECTORIES "${_aios_prefix}/include")

  add_library(aios::static STATIC IMPORTED)
  set_target_properties(aios::static PROPERTIES
    IMPORTED_LOCATION "${_aios_prefix}/lib/libaios_context.a"
    INTERFACE_INCLUDE_DIRECTORIES "${_aios_prefix}/include")
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    set_target_properties(aios::static PROPERTIES
      INTERFACE_LINK_LIBRARIES "-pthread;dl;m;rt;util;gcc_s")
  endif()
endif()

unset(_aios_prefix)
