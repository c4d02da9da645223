#pragma once

#include <array>
#include <optional>
#include <vector>

#include "lab/cloud_wire.hpp"
#include "lab/tcp_flows.hpp"

namespace intelwall::lab {

/// One of a flow operation's FlowFilters: all that it names must fit.
class FlowFilter {
 public:
  /// `filter` has the model's form. What its texts say may still be no address, port or protocol.
  static ApiResult<FlowFilter> parse(const Json& filter);
  bool accepts(const TcpFlow& flow) const;

 private:
  struct Range {
    std::array<unsigned char, 16> bytes{};
    bool v6 = false;
    int bits = 0;
    bool contains(const std::string& address) const;
  };
  struct Ports {
    int first = 0, last = 65'535;
  };
  static ApiResult<std::optional<Range>> parse_range(const Json& filter, const char* member);
  static ApiResult<Ports> parse_ports(const Json& filter, const char* member);

  std::optional<Range> source_, destination_;
  Ports source_ports_, destination_ports_;
  bool tcp_ = true;
};

}  // namespace intelwall::lab
