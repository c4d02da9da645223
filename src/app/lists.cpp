#include "app/lists.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "os/file.hpp"

namespace intelwall::app {

Result<std::string> read_list(Context& context, const ListPlace& place, Missing missing) {
  Result<std::string> text;
  if (place.kind == ListPlace::Kind::ssm) {
    if (!context.session) IW_CHECK(connect(context));
    text = aws::SsmClient(*context.session).get_parameter(place.name);
  } else {
    text = os::read_file(place.name);
  }
  if (!text && text.error().code == ErrorCode::not_found && missing == Missing::is_empty) return std::string{};
  if (!text && text.error().hint.empty()) text.error().hint = "a list that is configured must be readable";
  return text;
}

Result<std::vector<DomainSpec>> add_to_list(Context& context, const ListPlace& place,
                                            const std::vector<DomainSpec>& domains, const std::string& comment) {
  IW_TRY(std::string text, read_list(context, place, Missing::is_empty));
  IW_TRY(const auto entries, policy::parse_list(text, place.to_text()));
  std::vector<DomainSpec> fresh;
  for (const auto& domain : domains) {
    if (std::ranges::find(fresh, domain) != fresh.end()) continue;
    if (std::ranges::any_of(entries, [&](const policy::ListEntry& entry) { return entry.domain == domain; })) continue;
    fresh.push_back(domain);
  }
  if (fresh.empty()) return fresh;
  if (!text.empty() && !text.ends_with('\n')) text += '\n';
  for (const auto& domain : fresh)
    text += fmt::format("{}{}  # {}\n", domain.scope == Scope::exact ? "=" : "", domain.name.text(),
                        printable(comment, 200));
  if (place.kind == ListPlace::Kind::ssm) {
    IW_CHECK(aws::SsmClient(*context.session).put_parameter(place.name, text));
  } else {
    IW_CHECK(os::replace_file(place.name, text));
  }
  return fresh;
}

}  // namespace intelwall::app
