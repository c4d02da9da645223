# intelwall_embed(ROOM NAME FILE): the bytes of FILE as `std::string_view embedded_NAME()` in namespace intelwall::detail,
# compiled into the room's library.
function(intelwall_embed room name file)
  set(path ${CMAKE_SOURCE_DIR}/${file})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
  file(READ ${path} hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  set(content "// Made from ${file}.
#include <string_view>
namespace intelwall::detail {
static constexpr unsigned char bytes_of_${name}[] = {${bytes}0};
std::string_view embedded_${name}();
std::string_view embedded_${name}() { return {reinterpret_cast<const char*>(bytes_of_${name}), ${size}}; }
}  // namespace intelwall::detail
")
  set(output ${CMAKE_BINARY_DIR}/embedded/${name}.cpp)
  file(CONFIGURE OUTPUT ${output} CONTENT "${content}" @ONLY)
  target_sources(intelwall_${room} PRIVATE ${output})
endfunction()
