#include <fmt/format.h>

#include <array>
#include <exception>

#include "findings/documents.hpp"
#include "findings/readers.hpp"

namespace intelwall::findings {
namespace {

constexpr std::size_t max_input = std::size_t{64} * 1024 * 1024;
constexpr std::size_t max_findings = 100'000;  // real ones have 1 KB and more
constexpr std::size_t max_errors = 1'000;

constexpr std::string_view custom_action = "Security Hub Findings - Custom Action";
constexpr std::string_view imported = "Security Hub Findings - Imported";
constexpr std::string_view guardduty_finding = "GuardDuty Finding";
constexpr const char* what_is_read =
    "give ASFF or GuardDuty findings, or Falcon detections: one, a list, {\"Findings\": [...]}, an EventBridge event, "
    "an "
    "Alerts answer, or JSON lines of these";

enum class Format { asff, guardduty_wire, guardduty_sdk, falcon_event, falcon_alert, unknown };

Format format_of(const Node& record) {
  if (record.has("composite_id")) return Format::falcon_alert;
  if (record.has("metadata") && record.has("event")) return Format::falcon_event;
  if (record.has("ProductArn") || record.has("AwsAccountId") || record.has("ProductFields")) return Format::asff;
  if (record.has("service") || record.has("accountId")) return Format::guardduty_wire;
  if (record.has("Service") || record.has("AccountId")) return Format::guardduty_sdk;
  return record.has("SchemaVersion") || record.has("GeneratorId") ? Format::asff : Format::unknown;
}

class Reader {
 public:
  ReadReport read(std::string_view bytes);

 private:
  void read_document(const Node& document);
  void read_top(const Node& node);
  void read_list(const Node& list, void (Reader::*read_item)(const Node&));
  void read_event(const Node& event);
  Result<CustomAction> action_of(const Node& event, const Node& detail) const;
  void read_any_finding(const Node& record);
  void read_hub_finding(const Node& record);
  void read_finding(const Node& record, Format format);
  Result<Reading> read_as(Format format, const Node& record);

  std::string place(std::string_view path) const;
  void refuse(Error error);
  bool full() const { return report_.findings.size() >= max_findings; }

  ReadReport report_;
  NameSearch search_;
  std::size_t line_ = 0;
  std::size_t errors_left_out_ = 0;
};

std::string Reader::place(std::string_view path) const {
  return fmt::format("record {} (line {}){}{}", report_.records, line_, path.empty() ? "" : ": ", path);
}

/// Keeps the error of the record that report_.records counts.
void Reader::refuse(Error error) {
  if (report_.errors.size() >= max_errors) {
    ++errors_left_out_;
    return;
  }
  error.place = place(error.place);
  report_.errors.push_back(std::move(error));
}

Result<Reading> Reader::read_as(Format format, const Node& record) {
  switch (format) {
    case Format::guardduty_wire:
      return read_guardduty(record, Spelling::lower_camel, search_);
    case Format::guardduty_sdk:
      return read_guardduty(record, Spelling::upper_camel, search_);
    case Format::falcon_event:
      return read_falcon_event(record, search_);
    case Format::falcon_alert:
      return read_falcon_alert(record, search_);
    case Format::asff:
    case Format::unknown:
      break;
  }
  return read_asff(record, search_);
}

void Reader::read_finding(const Node& record, Format format) {
  ++report_.records;
  if (!record.is(Kind::object)) {
    refuse(record.error(fmt::format("is {}, not a finding", record.kind_name()), what_is_read));
    return;
  }
  if (format == Format::unknown) {
    refuse(record.error("is neither an ASFF nor a GuardDuty finding nor a Falcon detection", what_is_read));
    return;
  }
  auto reading = read_as(format, record);
  if (!reading) {
    refuse(std::move(reading).error());
    return;
  }
  if (reading->overflowed) {
    refuse(record.error(fmt::format("names more than {} domains; the rest of them was left out", Candidates::limit),
                        "a finding should name the few domains it is about; import bulk lists as such"));
  }
  if (reading->odd_parts > 0) {
    Error error =
        record.error(fmt::format("{} of its parts have an unknown shape and were left out", reading->odd_parts),
                     "the rest of it was read; compare this part with the format's documentation");
    error.place = std::move(reading->first_odd_part);
    refuse(std::move(error));
  }
  report_.findings.push_back(std::move(reading->finding));
}

void Reader::read_any_finding(const Node& record) {
  read_finding(record, format_of(record));
}
void Reader::read_hub_finding(const Node& record) {
  read_finding(record, Format::asff);
}

void Reader::read_list(const Node& list, void (Reader::*read_item)(const Node&)) {
  std::size_t index = 0;
  for (const auto value : simdjson::dom::array(list.value())) {
    if (full()) return;
    (this->*read_item)(Node::item_of(list, index++, value));
  }
}

Result<CustomAction> Reader::action_of(const Node& event, const Node& detail) const {
  CustomAction action;
  IW_TRY(const auto resources, event.member("resources", Kind::array));
  IW_CHECK(Node::each_item(resources, Kind::string, [&](const Node& arn) -> Result<void> {
    if (action.arn.empty()) action.arn = bounded(arn.text());
    return {};
  }));
  if (action.arn.empty()) {
    return std::unexpected(event.error("does not say which custom action was pressed",
                                       "resources[0] of the event must be the action's ARN"));
  }
  IW_TRY(const auto name, detail.text_of("actionName"));
  action.name = bounded(name);
  return action;
}

void Reader::read_event(const Node& event) {
  const auto refuse_event = [this](Error error) {
    ++report_.records;
    refuse(std::move(error));
  };
  const auto type = event.text_of("detail-type");
  if (!type) return refuse_event(type.error());
  const bool hub = *type == custom_action || *type == imported;
  if (!hub && *type != guardduty_finding) {
    return refuse_event(event.error(
        fmt::format("is an event of the type \"{}\", which carries no findings that can be read", printable(*type)),
        fmt::format("let the EventBridge rule match \"{}\", \"{}\" or \"{}\"", custom_action, imported,
                    guardduty_finding)));
  }
  const auto detail = event.member("detail", Kind::object);
  if (!detail) return refuse_event(detail.error());
  if (!*detail) {
    return refuse_event(event.error("is an event without a detail", "pass the whole event on, without an input path"));
  }
  if (!hub) return read_finding(**detail, Format::guardduty_wire);

  if (*type == custom_action) {
    auto action = action_of(event, **detail);
    if (!action) return refuse_event(std::move(action).error());
    if (!report_.custom_action) report_.custom_action = *std::move(action);
  }
  const auto findings = (*detail)->member("findings", Kind::array);
  if (!findings) return refuse_event(findings.error());
  if (!*findings) {
    return refuse_event((*detail)->error("carries no findings", "pass the whole event on, without a transformer"));
  }
  read_list(**findings, &Reader::read_hub_finding);
}

void Reader::read_top(const Node& node) {
  if (node.has("detail-type")) return read_event(node);
  const bool is_falcon_answer = node.has("meta") && !node.has("composite_id");
  for (const auto* key : {"Findings", "findings", "resources"}) {
    if (!node.has(key) || (key == std::string_view("resources") && !is_falcon_answer)) continue;
    const auto findings = node.member(key, Kind::array);
    if (findings && *findings) return read_list(**findings, &Reader::read_any_finding);
    ++report_.records;
    return refuse(findings ? node.error(fmt::format("has no list under \"{}\"", key), what_is_read) : findings.error());
  }
  read_any_finding(node);
}

void Reader::read_document(const Node& document) {
  if (document.is(Kind::array)) return read_list(document, &Reader::read_top);
  read_top(document);
}

ReadReport Reader::read(std::string_view bytes) {
  Documents documents(bytes);
  while (!full()) {
    const auto document = documents.next();
    if (!document) break;
    line_ = document->line;
    if (document->error == simdjson::SUCCESS) {
      read_document(Node(document->value));
      continue;
    }
    ++report_.records;
    if (report_.errors.size() >= max_errors) {  // hostile input has millions of these
      ++errors_left_out_;
      continue;
    }
    const char* reason = simdjson::error_message(document->error);
    refuse({ErrorCode::invalid_input, fmt::format("is not valid JSON: {}", printable(reason)), "",
            document->error == simdjson::DEPTH_ERROR ? fmt::format("findings nest at most {} levels deep", max_depth)
                                                     : "a JSON text was cut, or two were mixed up; export it again"});
  }
  if (errors_left_out_ > 0) {
    report_.errors.push_back({ErrorCode::invalid_input,
                              fmt::format("{} more records could not be read either", errors_left_out_), "the input",
                              "check that this is the right file"});
  }
  if (full()) {
    report_.errors.push_back({ErrorCode::invalid_input, fmt::format("the first {} findings were read", max_findings),
                              fmt::format("record {} (line {})", report_.records, line_),
                              "split the input; what comes after was not looked at"});
  }
  if (report_.records == 0 && line_ == 0) {
    report_.errors.push_back({ErrorCode::invalid_input, "there is nothing in it", "the input", what_is_read});
  }
  return std::move(report_);
}

ReadReport nothing_but(ErrorCode code, std::string message, std::string hint) {
  ReadReport report;
  report.errors.push_back({code, std::move(message), "the input", std::move(hint)});
  return report;
}

}  // namespace

ReadReport read_findings(std::string_view bytes) {
  if (bytes.size() > max_input) {
    return nothing_but(
        ErrorCode::invalid_input,
        fmt::format("{} bytes are more than the {} MiB that are read at once", bytes.size(), max_input >> 20U),
        "split it by lines");
  }
  if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF")) {
    return nothing_but(ErrorCode::invalid_input, "it is UTF-16",
                       "save it as UTF-8 (PowerShell: Out-File -Encoding utf8)");
  }
  try {
    return Reader().read(bytes);
  } catch (const std::exception& error) {
    return nothing_but(ErrorCode::system, fmt::format("it could not be read: {}", printable(error.what())),
                       "free some memory or split it by lines");
  }
}

}  // namespace intelwall::findings
