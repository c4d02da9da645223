#include "lab/cloud_flow_operations.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lab/cloud_network_firewall.hpp"

namespace intelwall::lab {
namespace {

constexpr std::size_t kept_operations = 1'000;
constexpr std::size_t filters_per_operation = 20;

/// What StatusMessage may hold.
std::string plain_words(std::string text) {
  constexpr std::size_t most = 256;
  std::ranges::replace_if(
      text,
      [](char c) {
        return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ' || c == '-');
      },
      ' ');
  return text.substr(0, most);
}

Json address(const std::string& text) {
  return {{"AddressDefinition", text}};
}

}  // namespace

FlowOperations::FlowOperations(std::shared_ptr<DataPlane> data_plane, Clock clock, std::vector<std::string> zones)
    : data_plane_(std::move(data_plane)), clock_(std::move(clock)), zones_(std::move(zones)) {
  worker_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

FlowOperations::~FlowOperations() {
  stop();
}

void FlowOperations::stop() {
  worker_.request_stop();
  if (worker_.joinable()) worker_.join();
}

bool FlowOperations::knows(const std::string& operation) {
  return operation == "StartFlowFlush" || operation == "StartFlowCapture" || operation == "DescribeFlowOperation" ||
         operation == "ListFlowOperations" || operation == "ListFlowOperationResults";
}

ApiAnswer FlowOperations::call(const std::string& operation, const Json& input) {
  if (operation == "StartFlowFlush") return start(Kind::flush, input);
  if (operation == "StartFlowCapture") return start(Kind::capture, input);
  if (operation == "DescribeFlowOperation") return describe(input);
  if (operation == "ListFlowOperationResults") return results(input);
  return list(input);
}

ApiAnswer FlowOperations::start(Kind kind, const Json& input) {
  Operation operation{.id = random_uuid(),
                      .firewall_arn = text_or(input, "FirewallArn"),
                      .zone = text_or(input, "AvailabilityZone"),
                      .kind = kind,
                      .filters = input.at("FlowFilters"),
                      .parsed = {},
                      .requested = clock_(),
                      .message = {},
                      .flows = {}};
  if (std::ranges::find(zones_, operation.zone) == zones_.end())
    return nfw::bad_parameter(operation.zone, "AvailabilityZone: must be one of the firewall's zones");
  if (operation.filters.empty() || operation.filters.size() > filters_per_operation)
    return nfw::bad_parameter("FlowFilters", fmt::format("1 to {} filters", filters_per_operation));
  if (has(input, "MinimumFlowAgeInSeconds"))
    return nfw::bad_parameter("MinimumFlowAgeInSeconds", "the lab does not know how old a flow is");
  for (const Json& filter : operation.filters) {
    IW_TRY(const auto parsed, FlowFilter::parse(filter));
    operation.parsed.push_back(parsed);
  }
  Json answer{{"FirewallArn", operation.firewall_arn},
              {"FlowOperationId", operation.id},
              {"FlowOperationStatus", operation.status}};
  {
    const std::scoped_lock lock(mutex_);
    waiting_.push_back(operation.id);
    operations_.push_back(std::move(operation));
    if (operations_.size() > kept_operations) operations_.pop_front();
  }
  changed_.notify_all();
  return answer;
}

void FlowOperations::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
    const auto id = waiting_.front();
    waiting_.pop_front();
    const auto found = std::ranges::find(operations_, id, &Operation::id);
    if (found == operations_.end()) continue;
    Operation work = *found;
    lock.unlock();
    perform(work);
    lock.lock();
    const auto again = std::ranges::find(operations_, id, &Operation::id);
    if (again != operations_.end()) *again = std::move(work);
    if (stop.stop_requested()) return;
  }
}

void FlowOperations::perform(Operation& operation) const {
  operation.status = "COMPLETED";
  if (!data_plane_ || operation.zone != zones_.front()) return;
  auto open = data_plane_->flows();
  if (open)
    std::erase_if(*open, [&](const TcpFlow& flow) {
      return std::ranges::none_of(operation.parsed, [&](const FlowFilter& filter) { return filter.accepts(flow); });
    });
  auto done = open ? Result<void>{} : std::unexpected(open.error());
  if (open && !open->empty() && operation.kind == Kind::flush) done = data_plane_->forget(*open);
  if (done) {
    operation.flows = *std::move(open);
    return;
  }
  operation.status = "FAILED";
  operation.message = plain_words(done.error().message);
}

ApiResult<const FlowOperations::Operation*> FlowOperations::find(const Json& input) const {
  const auto found = std::ranges::find(operations_, text_or(input, "FlowOperationId"), &Operation::id);
  if (found == operations_.end() || found->firewall_arn != text_or(input, "FirewallArn") ||
      (has(input, "AvailabilityZone") && found->zone != text_or(input, "AvailabilityZone")))
    return nfw::not_found("flow operation " + text_or(input, "FlowOperationId"));
  return &*found;
}

Json FlowOperations::summary(const Operation& operation) const {
  Json out{{"FirewallArn", operation.firewall_arn},
           {"AvailabilityZone", operation.zone},
           {"FlowOperationId", operation.id},
           {"FlowOperationStatus", operation.status},
           {"FlowRequestTimestamp", operation.requested.time_since_epoch().count()}};
  if (!operation.message.empty()) out["StatusMessage"] = operation.message;
  return out;
}

ApiAnswer FlowOperations::describe(const Json& input) const {
  const std::scoped_lock lock(mutex_);
  IW_TRY(const Operation* const operation, find(input));
  Json out = summary(*operation);
  out["FlowOperationType"] = operation->kind == Kind::flush ? "FLOW_FLUSH" : "FLOW_CAPTURE";
  out["FlowOperation"] = {{"FlowFilters", operation->filters}};
  return out;
}

ApiAnswer FlowOperations::results(const Json& input) const {
  const std::scoped_lock lock(mutex_);
  IW_TRY(const Operation* const operation, find(input));
  std::vector<Json> flows;
  for (const auto& flow : operation->flows)
    flows.push_back({{"SourceAddress", address(flow.source)},
                     {"SourcePort", std::to_string(flow.source_port)},
                     {"DestinationAddress", address(flow.destination)},
                     {"DestinationPort", std::to_string(flow.destination_port)},
                     {"Protocol", "6"}});
  IW_TRY(Page page, page_of(flows, input, 100, "InvalidRequestException"));
  Json out = summary(*operation);
  out["Flows"] = std::move(page.items);
  if (page.next) out["NextToken"] = *page.next;
  return out;
}

ApiAnswer FlowOperations::list(const Json& input) const {
  const std::scoped_lock lock(mutex_);
  std::vector<Json> items;
  for (auto operation = operations_.rbegin(); operation != operations_.rend(); ++operation) {
    const auto* const kind = operation->kind == Kind::flush ? "FLOW_FLUSH" : "FLOW_CAPTURE";
    if (operation->firewall_arn != text_or(input, "FirewallArn") || text_or(input, "FlowOperationType", kind) != kind ||
        text_or(input, "AvailabilityZone", operation->zone) != operation->zone)
      continue;
    items.push_back({{"FlowOperationId", operation->id},
                     {"FlowOperationType", kind},
                     {"FlowRequestTimestamp", operation->requested.time_since_epoch().count()},
                     {"FlowOperationStatus", operation->status}});
  }
  IW_TRY(Page page, page_of(items, input, 100, "InvalidRequestException"));
  Json out{{"FlowOperations", std::move(page.items)}};
  if (page.next) out["NextToken"] = *page.next;
  return out;
}

}  // namespace intelwall::lab
