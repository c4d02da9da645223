// Any bytes as a list of any form, packed or not: what is taken is a name, each refusal has a line and a reason, and
// the bytes give the same when they come packed.
#include <cstdint>
#include <string>
#include <vector>

#include "intel/list_reader.hpp"

using namespace intelwall;

namespace {

struct Read {
  std::vector<DomainSpec> domains;
  intel::ListReport report;
  bool failed = false;
};

Read read(std::span<const char> bytes, const intel::ListOptions& options) {
  Read result;
  const auto take = [&](DomainSpec&& domain, std::uint32_t) { result.domains.push_back(std::move(domain)); };
  auto source = intel::unpacked(bytes, "fuzz");
  result.failed = !source || !intel::read_list(**source, "fuzz", options, result.report, take);
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  using intel::ListForm;
  intel::ListOptions options;
  constexpr ListForm forms[] = {ListForm::plain, ListForm::comma, ListForm::tab, ListForm::json};
  if (data[0] % 5 != 4) options.form = forms[data[0] % 5];
  if (data[0] & 0x10) options.column = "2";
  if (data[0] & 0x20) options.column = "domain";
  const std::span bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Read first = read(bytes, options);
  IW_ASSERT(first.domains.size() == first.report.taken);
  IW_ASSERT(first.report.refused.size() <= first.report.refused_count);
  for (const auto& domain : first.domains) {
    const auto again = DomainName::parse(domain.name.text());
    IW_ASSERT(again && *again == domain.name);
  }
  for (const auto& refused : first.report.refused) IW_ASSERT(refused.line > 0 && !refused.reason.empty());
  const Read second = read(bytes, options);
  IW_ASSERT(first.domains == second.domains && first.failed == second.failed);
  return 0;
}
