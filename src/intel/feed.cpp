#include "intel/feed.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <vector>

#include "intel/feed_reader.hpp"
#include "intel/line_reader.hpp"

namespace intelwall::intel {
namespace {

constexpr std::size_t front_bytes = 64u << 10;

/// A source whose front has been looked at.
class Looked : public ByteSource {
 public:
  explicit Looked(ByteSource& source) : source_(source) {}

  Result<std::string_view> front() {
    front_.resize(front_bytes);
    while (end_ < front_.size()) {
      IW_TRY(const std::size_t got, source_.read(std::span(front_).subspan(end_)));
      if (got == 0) break;
      end_ += got;
    }
    return std::string_view(front_.data(), end_);
  }
  Result<std::size_t> read(std::span<char> room) override {
    if (begin_ == end_) return source_.read(room);
    const std::size_t size = std::min(room.size(), end_ - begin_);
    std::copy_n(front_.data() + begin_, size, room.data());
    begin_ += size;
    return size;
  }
  std::uint64_t consumed() const override { return source_.consumed(); }

 private:
  ByteSource& source_;
  std::vector<char> front_;
  std::size_t begin_ = 0, end_ = 0;
};

std::string_view without_front_blanks(std::string_view text) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  while (!text.empty() && (text.front() == ' ' || (text.front() >= '\t' && text.front() <= '\r')))
    text.remove_prefix(1);
  return text;
}

Result<std::string> read_document(ByteSource& source, const std::string& name, std::size_t most) {
  std::string text;
  for (std::size_t size = 0;;) {
    if (text.size() - size < front_bytes) text.resize(std::max<std::size_t>(2 * text.size(), 4 * front_bytes));
    IW_TRY(const std::size_t got, source.read(std::span(text).subspan(size)));
    size += got;
    if (size > most) {
      return fail(ErrorCode::quota,
                  fmt::format("it is larger than {} MB, and a document is read as a whole", most >> 20),
                  printable(name), "split it, or export it as a list, which may have any size");
    }
    if (got > 0) continue;
    text.resize(size);
    text.reserve(size + simdjson::SIMDJSON_PADDING);
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (text.starts_with(byte_order_mark)) text.erase(0, byte_order_mark.size());
    return text;
  }
}

/// By the front of a feed; nothing for a JSON document, which is told by its members.
std::optional<FeedForm> form_of_front(std::string_view front) {
  front = without_front_blanks(front);
  if (front.starts_with('[')) return std::nullopt;
  if (!front.starts_with('{')) return FeedForm::list;
  const std::string_view line = front.substr(0, front.find('\n'));
  if (parse_indicator(line)) return FeedForm::falcon;
  std::string copy(line);
  simdjson::dom::parser parser;
  simdjson::dom::element object;
  if (parser.parse(copy).get(object) != simdjson::SUCCESS) return std::nullopt;
  for (const char* key : {"domain", "indicator"})
    if (object[key].error() == simdjson::SUCCESS) return FeedForm::list;
  return std::nullopt;
}

Result<void> read_names(ByteSource& source, std::string_view front, FeedSink& sink, ListReport& report) {
  const std::string& name = sink.name();
  ListOptions list = sink.options().list;
  // An address that ends in .json may give a plain list.
  front = without_front_blanks(front);
  if (!list.form && form_of_name(name) == ListForm::json) list.form = form_of_line(front.substr(0, front.find('\n')));
  ListReport lines;
  Result<void> outcome;
  const auto take = [&](DomainSpec&& domain, std::uint32_t) {
    if (!outcome) return;
    Indicator indicator;
    indicator.type = "domain";
    indicator.value = domain.name.text();
    indicator.scope = domain.scope;
    indicator.confidence = sink.options().confidence;
    outcome = sink.take(std::move(indicator));
  };
  IW_CHECK(read_list(source, name, list, lines, take));
  report.passed_over += lines.passed_over;
  report.refused_count += lines.refused_count;
  for (auto& refused : lines.refused)
    if (report.refused.size() < ListReport::most_kept) report.refused.push_back(std::move(refused));
  return outcome;
}

Result<void> read_falcon_lines(ByteSource& source, FeedSink& sink) {
  LineReader lines(source);
  IndicatorReader reader;
  for (;;) {
    IW_TRY(const auto line, lines.next());
    if (!line) return {};
    if (without_front_blanks(line->text).empty()) continue;
    if (line->too_long) {
      sink.refuse(line->text, line->number, fmt::format("the line is longer than {} bytes", LineReader::max_line));
      continue;
    }
    auto indicator = reader.read(line->text);
    if (!indicator) {
      sink.refuse(line->text, line->number, indicator.error().message);
    } else {
      IW_CHECK(sink.take(*std::move(indicator)));
    }
  }
}

std::unexpected<Error> no_feed(const std::string& name, std::string what) {
  return fail(ErrorCode::invalid_input, std::move(what), printable(name),
              "a feed is a list of names, a table, JSON lines, a STIX 2 bundle or a MISP export");
}

}  // namespace

Result<FeedForm> form_of_document(std::string& document) {
  const auto damaged = [](simdjson::error_code code) {
    return fail(ErrorCode::invalid_input, fmt::format("this JSON cannot be read: {}", simdjson::error_message(code)));
  };
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document root;
  if (const auto code = parser.iterate(document).get(root)) return damaged(code);
  simdjson::ondemand::json_type type{};
  if (const auto code = root.type().get(type)) return damaged(code);
  if (type == simdjson::ondemand::json_type::array) return FeedForm::misp;
  simdjson::ondemand::object members;
  if (const auto code = root.get_object().get(members)) return damaged(code);
  bool has_objects = false;
  for (auto each : members) {
    simdjson::ondemand::field field;
    std::string_view key, value;
    if (const auto code = std::move(each).get(field)) return damaged(code);
    if (const auto code = field.unescaped_key().get(key)) return damaged(code);
    if (key == "Event" || key == "response") return FeedForm::misp;
    if (key == "type" && field.value().get_string().get(value) == simdjson::SUCCESS && value == "bundle")
      return FeedForm::stix;
    if (key == "objects") has_objects = true;
  }
  if (has_objects) return FeedForm::stix;
  return fail(ErrorCode::invalid_input, "this JSON is neither a STIX bundle nor a MISP export");
}

Result<void> read_feed(ByteSource& source, const std::string& name, const FeedOptions& options, ListReport& report,
                       const TakeIndicator& take) {
  FeedSink sink(name, options, report, take);
  const std::uint64_t taken = report.taken, refused = report.refused_count;
  Looked looked(source);
  IW_TRY(const std::string_view front, looked.front());
  if (without_front_blanks(front).starts_with('<')) return no_feed(name, "this is a web page or XML, not a feed");
  auto form = options.form ? options.form : form_of_front(front);
  if (form == FeedForm::list) {
    IW_CHECK(read_names(looked, front, sink, report));
  } else if (form == FeedForm::falcon) {
    IW_CHECK(read_falcon_lines(looked, sink));
  } else {
    IW_TRY(std::string document, read_document(looked, name, options.most_document_bytes));
    if (!form) {
      const auto told = form_of_document(document);
      if (!told) return no_feed(name, told.error().message);
      form = *told;
    }
    IW_CHECK(form == FeedForm::stix ? read_stix(document, sink) : read_misp(document, sink));
  }
  if (report.taken == taken && report.refused_count > refused) {
    const std::string reason = report.refused.empty() ? "" : ": " + report.refused.back().reason;
    return no_feed(name, fmt::format("none of its {} entries can be used{}", report.refused_count - refused, reason));
  }
  return {};
}

}  // namespace intelwall::intel
