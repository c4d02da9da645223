#include "firewalls/cut.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "aws/json_text.hpp"

namespace intelwall::firewalls {

namespace {

using std::chrono::milliseconds;

/// Filters a flow operation takes (service model: FlowFilter); each connection needs one in each direction.
constexpr std::size_t filters_per_operation = 20;

struct Started {
  std::string zone, id;
};

Connection reversed(const Connection& one) {
  return {one.destination, one.source, one.destination_port, one.source_port};
}

bool fits(const Connection& wanted, const Connection& open) {
  return wanted.source == open.source && wanted.destination == open.destination &&
         (wanted.source_port == 0 || wanted.source_port == open.source_port) &&
         (wanted.destination_port == 0 || wanted.destination_port == open.destination_port);
}

std::vector<aws::FlowEnds> filters_of(const std::vector<Connection>& connections) {
  std::vector<aws::FlowEnds> filters;
  for (const auto& connection : connections)
    for (const auto& [source, destination, source_port, destination_port] : {connection, reversed(connection)})
      filters.push_back({source, destination, source_port, destination_port});
  return filters;
}

/// The operation's result when it is over.
Result<aws::FlowOperation> wait_for(const aws::NetworkFirewallClient& client, const std::string& arn,
                                    const Started& started, milliseconds& patience,
                                    const std::function<void(milliseconds)>& sleep) {
  for (milliseconds pause{20};; pause = std::min(pause * 2, milliseconds{1'000})) {
    IW_TRY(auto operation, client.flow_operation(arn, started.zone, started.id));
    if (operation.status != "IN_PROGRESS") return operation;
    if (patience <= milliseconds::zero())
      return fail(ErrorCode::unavailable, "the flow flush has begun, but is not over yet",
                  fmt::format("zone {}, operation {}", started.zone, started.id),
                  "aws network-firewall describe-flow-operation tells when it is");
    sleep(pause);
    patience -= pause;
  }
}

}  // namespace

bool Connection::covers(const Connection& open) const {
  return fits(*this, open) || fits(*this, reversed(open));
}

const char* to_string(Cut::Result result) {
  switch (result) {
    case Cut::Result::cut:
      return "cut";
    case Cut::Result::no_address:
      return "no address";
    case Cut::Result::policy_continues:
      return "policy continues";
  }
  return "unknown";
}

Result<Cut> flush_connections(const aws::NetworkFirewallClient& client, const std::string& firewall,
                              const std::vector<Connection>& connections, milliseconds patience,
                              const std::function<void(milliseconds)>& sleep) {
  if (connections.empty()) return Cut{};
  IW_TRY(const auto state, client.describe_firewall(firewall));
  IW_TRY(const auto policy, client.describe_policy(state.policy_arn));
  // DROP where it is not set.
  if (aws::text_in(aws::member(policy.body, "StatefulEngineOptions"), "StreamExceptionPolicy") == "CONTINUE")
    return Cut{Cut::Result::policy_continues, {}};
  if (state.zones.empty())
    return fail(ErrorCode::not_found, "the firewall has no zone whose flows could be flushed", firewall,
                "`intelwall doctor` tells more");

  const auto filters = filters_of(connections);
  std::vector<Started> operations;
  for (std::size_t at = 0; at < filters.size(); at += filters_per_operation) {
    const auto part = std::vector(
        filters.begin() + static_cast<std::ptrdiff_t>(at),
        filters.begin() + static_cast<std::ptrdiff_t>(std::min(at + filters_per_operation, filters.size())));
    for (const auto& zone : state.zones) {
      IW_TRY(auto id, client.start_flow_flush(state.arn, zone, part));
      operations.push_back({zone, std::move(id)});
    }
  }
  Cut cut{Cut::Result::cut, {}};
  for (const auto& started : operations) {
    IW_TRY(const auto operation, wait_for(client, state.arn, started, patience, sleep));
    if (operation.status == "FAILED")
      return fail(ErrorCode::unavailable,
                  fmt::format("the flow flush failed{}{}", operation.message.empty() ? "" : ": ",
                              printable(operation.message, 256)),
                  "zone " + started.zone, "press the action again; what is blocked stays blocked");
    for (const auto& [source, destination, source_port, destination_port] : operation.flows)
      cut.ended.push_back({source, destination, source_port, destination_port});
  }
  return cut;
}

}  // namespace intelwall::firewalls
