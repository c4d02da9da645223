# tests/<room>/*.cpp → test_<room>; fuzz/<name>.cpp → fuzz_<name>, whose corpus is replayed as a test;
# bench/<name>.cpp → bench_<name>. Python judges stand in tests/<room>/test_*.py and run through pytest.
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
include(GoogleTest)

set(rooms core os intel hunt findings policy rules aws falcon firewalls store app lambda lab cli)
foreach(room ${rooms})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${room}/*.cpp)
  if(sources AND NOT INTELWALL_FUZZ)
    add_executable(test_${room} ${sources})
    target_link_libraries(test_${room} PRIVATE intelwall_${room} intelwall_os GTest::gmock GTest::gtest_main)
    target_include_directories(test_${room} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    target_compile_definitions(test_${room} PRIVATE INTELWALL_SOURCE_DIR="${CMAKE_SOURCE_DIR}" INTELWALL_BINARY_DIR="${CMAKE_BINARY_DIR}")
    add_test(NAME ${room} COMMAND test_${room})
  endif()
endforeach()

# The AWS room's tests run an HTTP server of their own; judge_* are what its Python judges drive.
if(TARGET test_aws)
  target_link_libraries(test_aws PRIVATE PkgConfig::httplib OpenSSL::SSL OpenSSL::Crypto)
  foreach(judge sigv4 aws credentials)
    add_executable(judge_${judge} ${CMAKE_SOURCE_DIR}/tests/aws/judge/${judge}_main.cpp)
    target_link_libraries(judge_${judge} PRIVATE intelwall_aws OpenSSL::Crypto)
  endforeach()
endif()

# The Runtime API of the tests.
if(TARGET test_lambda)
  target_link_libraries(test_lambda PRIVATE PkgConfig::httplib)
endif()

# Objects reach the matcher through simdjson.
if(TARGET test_intel)
  target_link_libraries(test_intel PRIVATE simdjson::simdjson nlohmann_json::nlohmann_json)
endif()

# The lab's AWS endpoint alone, for boto3 and the AWS CLI.
if(NOT INTELWALL_FUZZ)
  add_executable(judge_cloud ${CMAKE_SOURCE_DIR}/tests/lab/judge/cloud_main.cpp)
  target_link_libraries(judge_cloud PRIVATE intelwall_lab)
endif()

# The lab's Falcon endpoint alone, for falconpy.
add_executable(judge_falcon ${CMAKE_SOURCE_DIR}/tests/lab/judge/falcon_main.cpp)
target_link_libraries(judge_falcon PRIVATE intelwall_lab)

# Faults are made in the ledger's file.
if(TARGET test_store)
  target_link_libraries(test_store PRIVATE intelwall_soci)
endif()

# QUIC packets of the tests' own are encrypted.
if(TARGET test_rules)
  target_link_libraries(test_rules PRIVATE OpenSSL::Crypto)
endif()

# These rooms are tested against the lab's cloud, over real HTTP.
foreach(room falcon firewalls app lambda)
  if(TARGET test_${room})
    target_link_libraries(test_${room} PRIVATE intelwall_lab)
  endif()
endforeach()

# What judges from outside drive, and all benchmarks: the parts of a tree that nothing but a release build needs.
add_custom_target(judges)
add_custom_target(benches)
foreach(judge sigv4 aws credentials cloud falcon)
  if(TARGET judge_${judge})
    add_dependencies(judges judge_${judge})
  endif()
endforeach()

file(GLOB fuzzers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/fuzz/*.cpp)
list(FILTER fuzzers EXCLUDE REGEX "/replay_main\\.cpp$")
foreach(source ${fuzzers})
  get_filename_component(name ${source} NAME_WE)
  if(INTELWALL_FUZZ)
    add_executable(fuzz_${name} ${source})
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(fuzz_${name} ${source} ${CMAKE_SOURCE_DIR}/fuzz/replay_main.cpp)
    add_test(NAME fuzz_${name} COMMAND fuzz_${name} ${CMAKE_SOURCE_DIR}/fuzz/corpus/${name})
  endif()
  target_link_libraries(fuzz_${name} PRIVATE intelwall_app intelwall_lab)
endforeach()

target_link_libraries(fuzz_fql PRIVATE simdjson::simdjson)

if(NOT INTELWALL_SANITIZE)
  file(GLOB benches CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/*.cpp)
  foreach(source ${benches})
    get_filename_component(name ${source} NAME_WE)
    add_executable(bench_${name} ${source})
    add_dependencies(benches bench_${name})
    target_link_libraries(bench_${name} PRIVATE intelwall_app intelwall_lab benchmark::benchmark)
    target_include_directories(bench_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    target_compile_definitions(bench_${name} PRIVATE INTELWALL_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  endforeach()
  target_link_libraries(bench_fql PRIVATE simdjson::simdjson)
  target_link_libraries(bench_log_scan PRIVATE simdjson::simdjson)
  # A peer to beat, used nowhere else.
  find_package(absl REQUIRED)
  target_link_libraries(bench_domain_set PRIVATE absl::flat_hash_set)
endif()
