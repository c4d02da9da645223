#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "intel/byte_source.hpp"
#include "intel/indicator.hpp"
#include "intel/list_reader.hpp"

namespace intelwall::intel {

/// What a feed is written in.
/// - list: a name a line, hosts, tables, short JSON lines: what read_list() takes
/// - falcon: JSON lines as Falcon gives them
/// - stix: a STIX 2.1 bundle (2.0 reads the same): indicators, and the relationships that tell whose they are
/// - misp: a MISP event, or an export of several
enum class FeedForm { list, falcon, stix, misp };

struct FeedOptions {
  std::string source;                          ///< its name, which each indicator carries
  Confidence confidence = Confidence::medium;  ///< of what the feed says nothing about
  std::optional<FeedForm> form;                ///< found out from the content unless given
  ListOptions list;
  Time now{};  ///< what is valid until before it is passed over
  /// Of a STIX or MISP document, unpacked: it is read as a whole, in about twice its size.
  std::size_t most_document_bytes = 128u << 20;
};

/// Its error ends the reading.
using TakeIndicator = std::function<Result<void>(Indicator&&)>;

/// Reads a feed to its end; adds to `report`. What cannot be an indicator is in the report with its reason; an `id` is
/// "{type}_{value}", and what the feed itself calls it stands in `reports`. Revoked ones are `deleted`. Errors: the
/// source cannot be read, is too large, is no feed at all (a web page, other JSON), or has lines and not one that can
/// be used.
Result<void> read_feed(ByteSource& source, const std::string& name, const FeedOptions& options, ListReport& report,
                       const TakeIndicator& take);

}  // namespace intelwall::intel
