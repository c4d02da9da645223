# Compiler settings that every target shares.
find_program(CCACHE ccache)
if(CCACHE)
  # Base dir and no hashed directory: build trees of all presets share one cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

add_library(intelwall_flags INTERFACE)
target_compile_options(intelwall_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Wnull-dereference
  -Wimplicit-fallthrough -Wformat=2 -Werror
  # Designated initializers name what differs from the members' defaults.
  -Wno-missing-field-initializers
  -fstack-protector-strong -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives of GCC 12 in std::optional and std::string at -O2 (GCC bugs 105562, 105329).
  target_compile_options(intelwall_flags INTERFACE -Wno-maybe-uninitialized -Wno-restrict -Wno-null-dereference)
endif()
if(INTELWALL_SANITIZE)
  target_compile_options(intelwall_flags INTERFACE -fsanitize=${INTELWALL_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(intelwall_flags INTERFACE -fsanitize=${INTELWALL_SANITIZE})
else()
  target_compile_options(intelwall_flags INTERFACE $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
  target_link_options(intelwall_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
if(INTELWALL_FUZZ)
  target_compile_options(intelwall_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
