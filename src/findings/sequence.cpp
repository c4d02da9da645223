#include <algorithm>

#include "findings/readers.hpp"

namespace intelwall::findings {
namespace {

Result<void> read_indicators(const Node& holder, std::string_view key, Candidates& candidates) {
  IW_TRY(const auto indicators, holder.member(key, Kind::array));
  return Node::each_item(indicators, Kind::object, [&](const Node& indicator) -> Result<void> {
    IW_TRY(const auto values, indicator.member("Values", Kind::array));
    return Node::each_item(values, Kind::string, [&](const Node& value) -> Result<void> {
      candidates.search(value, BareNames::take);
      return {};
    });
  });
}

}  // namespace

Result<void> read_sequence(const std::optional<Node>& sequence, Candidates& candidates) {
  if (!sequence) return {};
  IW_TRY(const auto endpoints, sequence->member("Endpoints", Kind::array));
  IW_CHECK(Node::each_item(endpoints, Kind::object, [&](const Node& endpoint) -> Result<void> {
    IW_TRY(const auto domain, endpoint.member("Domain", Kind::string));
    candidates.take(domain, Grade::observed);
    return {};
  }));
  IW_CHECK(read_indicators(*sequence, "SequenceIndicators", candidates));
  IW_TRY(const auto signals, sequence->member("Signals", Kind::array));
  return Node::each_item(signals, Kind::object,
                         [&](const Node& signal) { return read_indicators(signal, "SignalIndicators", candidates); });
}

Result<std::string> read_id(const Node& record) {
  IW_TRY(const auto id, record.member("Id", Kind::string));
  if (!id || id->text().empty()) {
    auto error = record.error("has no Id", "every finding needs one; export the finding again");
    error.place += error.place.empty() ? "Id" : ".Id";
    return std::unexpected(std::move(error));
  }
  return bounded(id->text());
}

bool says_sample(std::string_view json_text) {
  std::string dense(json_text.substr(0, std::size_t{64} * 1024));
  std::erase_if(dense, [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; });
  return dense.find("\"sample\":true") != std::string::npos || dense.find("\"sample\":\"true\"") != std::string::npos;
}

}  // namespace intelwall::findings
