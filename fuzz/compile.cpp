// Any list in any form: what compiles reads back as the same set, and its packed rules match each name of it. And any
// bytes as a compiled folder: refused, or read as names.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "rules/compile.hpp"
#include "rules/decompile.hpp"
#include "rules/evaluate.hpp"

using namespace intelwall;

namespace {

std::vector<std::string> lines_of(const rules::DomainTable& table) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < table.size(); ++i)
    lines.push_back(std::string(table.name(i)) + (table.scope(i) == Scope::exact ? " =" : ""));
  std::ranges::sort(lines);
  return lines;
}

/// The names that no other of the table covers, by asking every pair.
std::vector<std::string> uncovered(const rules::DomainTable& table) {
  const auto covers = [&](std::size_t parent, std::size_t child) {
    const auto a = table.name(parent);
    const auto b = table.name(child);
    if (a == b) return table.scope(parent) == Scope::subdomains || table.scope(child) == Scope::exact;
    return table.scope(parent) == Scope::subdomains && b.size() > a.size() && b.ends_with(a) &&
           b[b.size() - a.size() - 1] == '.';
  };
  rules::DomainTable kept;
  for (std::size_t i = 0; i < table.size(); ++i) {
    bool is_covered = false;
    for (std::size_t j = 0; j < table.size() && !is_covered; ++j)
      is_covered = i != j && covers(j, i) && (j < i || !covers(i, j));
    if (!is_covered) kept.add(*DomainName::parse(table.name(i)), table.scope(i));
  }
  return lines_of(kept);
}

rules::DomainTable read_table(std::string_view text) {
  rules::DomainTable table;
  while (!text.empty() && table.size() < 300) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto scope = line.starts_with('=') ? Scope::exact : Scope::subdomains;
    if (line.starts_with('=')) line.remove_prefix(1);
    if (const auto name = DomainName::parse(line)) table.add(*name, scope, static_cast<std::uint32_t>(line.size() % 3));
  }
  return table;
}

void compile_and_read_back(std::uint8_t choice, std::string_view text) {
  constexpr rules::CompileFormat formats[] = {rules::CompileFormat::packed, rules::CompileFormat::suricata,
                                              rules::CompileFormat::domain_list, rules::CompileFormat::dataset};
  const auto table = read_table(text);
  rules::CompileOptions options;
  options.format = formats[choice % 4];
  if (options.format != rules::CompileFormat::domain_list) options.protocols.insert(Protocol::dns);
  if ((choice & 4) != 0) options.jit = rules::Jit::off;
  // Rules so short that a few names fill one.
  if ((choice & 8) != 0) options.variables["HOME_NET"] = std::string(6'800, '1');
  if ((choice & 16) != 0) options.max_rules = 30;
  const auto result = rules::compile(table, options);
  if (!result) return;  // a budget that holds nothing
  IW_ASSERT(result->kept + result->covered + result->duplicates + result->left_out.size() == result->domains_in);
  IW_ASSERT(result->capacity <= options.max_rules);
  std::vector<rules::CompiledFile> files = result->data_files;
  for (const auto& group : result->groups) files.push_back(group.file);
  const auto back = rules::decompile(files);
  IW_ASSERT(back);
  IW_ASSERT(back->domains.size() == result->kept);
  if (result->left_out.empty()) IW_ASSERT(lines_of(back->domains) == uncovered(table));
  if (options.format != rules::CompileFormat::packed) return;
  const auto evaluator = rules::RuleEvaluator::load(files);
  IW_ASSERT(evaluator);
  for (std::size_t i = 0; i < back->domains.size(); ++i) {
    IW_ASSERT(!evaluator->matches("tls", back->domains.name(i)).empty());
    const auto below = "x." + std::string(back->domains.name(i));
    IW_ASSERT(back->domains.scope(i) == Scope::exact || !evaluator->matches("dns", below).empty());
  }
}

void read_as_folder(std::uint8_t choice, std::string_view text) {
  const char* const names[] = {"001.rules", "001.json", "domains.lst", "exact.lst"};
  std::vector<rules::CompiledFile> files = {{names[choice % 4], std::string(text)}};
  if (choice % 4 >= 2) files.push_back({"001.rules", std::string(text.substr(text.find('\n') + 1))});
  const auto read = rules::decompile(files);
  if (!read) {
    IW_ASSERT(!read.error().message.empty());
    return;
  }
  for (std::size_t i = 0; i < read->domains.size(); ++i) {
    const auto name = DomainName::parse(read->domains.name(i));
    IW_ASSERT(name && name->text() == read->domains.name(i));
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name libFuzzer calls
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 32) != 0) {
    read_as_folder(data[0], text);
  } else {
    compile_and_read_back(data[0], text);
  }
  return 0;
}
