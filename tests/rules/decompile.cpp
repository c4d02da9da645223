#include "rules/decompile.hpp"

#include <gmock/gmock.h>

#include <map>

#include "rules/packed_names.hpp"

namespace intelwall::rules {
namespace {

using ::intelwall::testing::table_of;
using ::intelwall::testing::tangled;
using ::testing::HasSubstr;

using Set = std::set<std::pair<std::string, Scope>>;

Set set_of(const DomainTable& table) {
  Set set;
  for (std::size_t i = 0; i < table.size(); ++i) set.emplace(table.name(i), table.scope(i));
  return set;
}

/// What no parent covers, found the slow way.
Set reduced(const DomainTable& table) {
  const auto all = set_of(table);
  Set kept;
  for (const auto& [name, scope] : all) {
    bool covered = scope == Scope::exact && all.contains({name, Scope::subdomains});
    for (auto dot = name.find('.'); dot != std::string::npos && !covered; dot = name.find('.', dot + 1))
      covered = all.contains({name.substr(dot + 1), Scope::subdomains});
    if (!covered) kept.emplace(name, scope);
  }
  return kept;
}

std::vector<CompiledFile> files_of(const DomainTable& table, const CompileOptions& options) {
  auto result = compile(table, options);
  EXPECT_TRUE(result.has_value()) << result.error().to_text();
  std::vector<CompiledFile> files;
  for (auto& group : result->groups) files.push_back(std::move(group.file));
  for (auto& file : result->data_files) files.push_back(std::move(file));
  return files;
}

constexpr CompileFormat formats[] = {CompileFormat::packed, CompileFormat::suricata, CompileFormat::domain_list,
                                     CompileFormat::dataset};

TEST(Decompile, GivesTheSetAgainInEveryForm) {
  for (unsigned seed = 0; seed < 12; ++seed) {
    const auto table = tangled(50 + 150 * seed, seed, seed % 2 == 0 ? "ab-_1." : "abcdefghijklmnopqrstuvwxyz.");
    for (const auto format : formats) {
      for (const auto jit : {Jit::leave, Jit::off}) {
        CompileOptions options;
        options.format = format;
        options.jit = jit;
        options.action = seed % 2 == 0 ? Action::drop : Action::reject;
        if (format != CompileFormat::domain_list) {
          options.protocols = {Protocol::tls, Protocol::http, Protocol::dns, Protocol::quic};
        }
        options.max_rules = 1'000'000;
        options.max_groups = 1'000;
        options.max_group_bytes = 30'000;
        const auto back = decompile(files_of(table, options));
        ASSERT_TRUE(back.has_value()) << to_string(format) << ": " << back.error().to_text();
        EXPECT_EQ(set_of(back->domains), reduced(table)) << to_string(format) << " seed " << seed;
        EXPECT_EQ(back->format, format);
      }
    }
  }
}

TEST(Decompile, NothingIsAnEmptySet) {
  const auto back = decompile({});
  ASSERT_TRUE(back.has_value());
  EXPECT_TRUE(back->domains.empty());
}

TEST(Decompile, NamesTheLineThatIsNotOurs) {
  const auto table = tangled(300, 1);
  for (const auto format : formats) {
    CompileOptions options;
    options.format = format;
    auto files = files_of(table, options);
    files[0].content.insert(files[0].content.find('\n') + 1, "alert tcp any any -> any any (msg:\"x\"; sid:1;)\n");
    const auto back = decompile(files);
    ASSERT_FALSE(back.has_value()) << to_string(format);
    EXPECT_THAT(back.error().place, HasSubstr("line 2")) << to_string(format);
  }
}

TEST(Decompile, SeesAProtocolThatSaysSomethingElse) {
  CompileOptions options;
  auto files = files_of(table_of({"one.example", "two.example", "evil.test"}), options);
  auto& text = files[0].content;
  text.erase(0, text.find('\n') + 1);
  const auto back = decompile(files);
  ASSERT_FALSE(back.has_value());
  EXPECT_THAT(back.error().message, HasSubstr("differ"));
}

TEST(Decompile, NoChangedByteReadsAsTheSameSetUnlessItIsNoPartOfTheNames) {
  const auto table = tangled(120, 4);
  const auto expected = reduced(table);
  CompileOptions options;
  options.protocols = {Protocol::tls};
  const auto files = files_of(table, options);
  std::size_t refused = 0;
  const auto& text = files[0].content;
  for (std::size_t at = 0; at < text.size(); at += 3) {
    auto changed = files;
    changed[0].content[at] = text[at] == 'b' ? 'c' : 'b';
    const auto back = decompile(changed);
    if (!back) {
      ++refused;
      continue;
    }
    // The message, the source and a name may hold any letter; a line break joins two rules, which is refused.
    EXPECT_GE(back->domains.size(), expected.size() - 1);
  }
  EXPECT_GT(refused, text.size() / 3 / 4);
}

}  // namespace
}  // namespace intelwall::rules
