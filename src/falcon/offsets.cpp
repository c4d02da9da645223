#include "falcon/offsets.hpp"

#include "aws/json_text.hpp"
#include "os/file.hpp"

namespace intelwall::falcon {

Result<Offsets> OffsetFile::load() {
  std::error_code unknown;
  if (!std::filesystem::exists(path_, unknown) && !unknown) return Offsets{};
  constexpr std::size_t largest = 1u << 20;
  IW_TRY(const std::string text, os::read_file(path_, largest));
  const auto wrong = [this](const std::string& why) {
    return fail(ErrorCode::invalid_input, "the offsets cannot be read: " + why, path_.string(),
                "restore the file, or remove it to read all that Falcon still keeps");
  };
  auto json = aws::parse_json(text);
  if (!json) return wrong(json.error().message);
  const aws::Json& saved = aws::member(*json, "offsets");
  if (!saved.is_object()) return wrong("there is no object \"offsets\"");
  Offsets offsets;
  for (const auto& [feed, offset] : saved.items()) {
    if (!offset.is_number_unsigned()) return wrong("an offset is not a whole number");
    offsets[feed] = offset.get<std::uint64_t>();
  }
  return offsets;
}

Result<void> OffsetFile::save(const Offsets& offsets) {
  return os::replace_file(path_, aws::dump_json({{"offsets", offsets}}) + "\n");
}

}  // namespace intelwall::falcon
