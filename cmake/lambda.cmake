# `bootstrap`, the executable of the Lambda package: the rooms of the release tree linked into one static position-independent
# file that needs nothing from its host. scripts/lambda makes what the distribution has no fitting archive of, and the zip.
set(INTELWALL_LAMBDA_ARCHIVES "" CACHE PATH "Directory of the archives that scripts/lambda makes")

if(INTELWALL_LAMBDA_ARCHIVES)
  add_executable(bootstrap EXCLUDE_FROM_ALL src/lambda/main/bootstrap.cpp src/lambda/main/fmt.cpp src/lambda/main/sqlite_parts.cpp)
  target_include_directories(bootstrap PRIVATE src)
  # No target_link_directories(), which would leave the directory in the file.
  target_link_options(bootstrap PRIVATE -L${INTELWALL_LAMBDA_ARCHIVES})
  # Archives by path: the rooms' own link lists name shared libraries.
  set(rooms lambda app hunt store firewalls falcon findings policy rules aws intel os core)
  list(TRANSFORM rooms REPLACE "(.+)" "$<TARGET_FILE:intelwall_\\1>" OUTPUT_VARIABLE room_archives)
  list(TRANSFORM rooms PREPEND intelwall_ OUTPUT_VARIABLE room_targets)
  add_dependencies(bootstrap ${room_targets})
  set(system_archives soci_sqlite3 soci_core sqlite3 yaml-cpp ssl crypto psl idn2 unistring pcre2-8 z zstd)
  list(TRANSFORM system_archives REPLACE "(.+)" "-l:lib\\1.a")
  target_compile_options(bootstrap PRIVATE $<TARGET_PROPERTY:intelwall_flags,INTERFACE_COMPILE_OPTIONS>)
  target_link_options(bootstrap PRIVATE -static-pie -Wl,-z,relro,-z,now,-z,pack-relative-relocs -Wl,--gc-sections -Wl,--build-id=none -s)
  target_link_libraries(bootstrap PRIVATE -Wl,--start-group ${room_archives} ${INTELWALL_LAMBDA_ARCHIVES}/libcurl.a
    ${INTELWALL_LAMBDA_ARCHIVES}/libsimdjson.a ${system_archives} -Wl,--end-group)
endif()
