#include "app/import_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "aws/arn.hpp"
#include "firewalls/block_groups.hpp"
#include "intel/dstdomain_reader.hpp"

namespace intelwall::app {

namespace {

Result<ImportSource> read_file_source(const std::string& path, const std::optional<std::string>& acl) {
  IW_TRY(auto read, intel::read_dstdomains(path, acl));
  ImportSource source{.kind = ImportSource::Kind::file, .name = path, .arn = {}, .entries = {}, .refused = {}};
  source.refused_count = read.refused_count;
  source.refused = std::move(read.refused);
  for (auto& [domain, file, line] : read.names)
    source.entries.push_back({std::move(domain), {}, {}, fmt::format("{}:{}", file, line)});
  return source;
}

/// The pattern of RuleGroupName in the service's model.
bool may_be_group_name(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

Result<ImportSource> read_group_source(Context& context, const std::string& name_or_arn) {
  const auto name = aws::name_of_arn(name_or_arn);
  const auto& prefix = context.settings.firewall.prefix;
  if (firewalls::GroupName::parse(name, prefix) || name.starts_with(prefix + "-hunts-"))
    return fail(ErrorCode::usage, "this group is intelwall's own", printable(name),
                "`intelwall list` shows what stands in it; import takes what others made");
  if (!context.session) IW_CHECK(connect(context));
  IW_TRY(const auto group, aws::NetworkFirewallClient(*context.session).describe_rule_group(name_or_arn));
  auto source = names_of_rule_group(group.body, group.name);
  source.arn = group.arn;
  return source;
}

}  // namespace

Result<ImportSource> read_import_source(Context& context, const std::string& source,
                                        const std::optional<std::string>& acl) {
  std::error_code ignored;
  const bool is_file = source == "-" || std::filesystem::exists(source, ignored);
  if (is_file) return read_file_source(source, acl);
  if (acl)
    return fail(ErrorCode::usage, "--acl chooses in a squid.conf, and there is no such file", printable(source),
                "name the file, or leave --acl out for a rule group");
  if (source.starts_with("arn:") || may_be_group_name(source)) return read_group_source(context, source);
  return fail(ErrorCode::not_found, "there is no such file, and no rule group can be called so", printable(source),
              "name a Squid list, a squid.conf, or a rule group by its name or ARN");
}

}  // namespace intelwall::app
