#include "aws/ec2.hpp"

#include <algorithm>
#include <set>

#include "aws/xml_text.hpp"

namespace intelwall::aws {
namespace {

constexpr std::size_t addresses_a_call = 200;  // values of one filter

std::set<std::string> addresses_of(std::string_view interface) {
  static constexpr std::string_view mark = "<privateIpAddress>";
  std::set<std::string> addresses;
  for (auto at = interface.find(mark); at != std::string_view::npos; at = interface.find(mark, at + mark.size()))
    addresses.insert(xml_text(interface.substr(at), "privateIpAddress"));
  return addresses;
}

constexpr const char* version = "2016-11-15";

Result<void> change_route(const ServiceClient& client, const char* action, const Ec2Client::Route& route) {
  std::vector<std::pair<std::string, std::string>> parameters = {
      {"Action", action},
      {"Version", version},
      {"RouteTableId", route.table},
      {route.destination.contains(':') ? "DestinationIpv6CidrBlock" : "DestinationCidrBlock", route.destination}};
  if (!route.endpoint.empty()) parameters.emplace_back("VpcEndpointId", route.endpoint);
  IW_CHECK(client.call_query(parameters, ServiceClient::Repeat::safe));
  return {};
}

}  // namespace

Ec2Client::Ec2Client(Session session) : client_(std::move(session), "EC2", "ec2", "ec2") {}

Result<std::map<std::string, std::string>> Ec2Client::instances_at(const std::vector<std::string>& addresses) const {
  std::map<std::string, std::string> found;
  std::map<std::string, int> interfaces;
  for (std::size_t at = 0; at < addresses.size(); at += addresses_a_call) {
    std::vector<std::pair<std::string, std::string>> parameters = {{"Action", "DescribeNetworkInterfaces"},
                                                                   {"Version", version},
                                                                   {"Filter.1.Name", "addresses.private-ip-address"}};
    const std::set<std::string> asked(
        addresses.begin() + static_cast<std::ptrdiff_t>(at),
        addresses.begin() + static_cast<std::ptrdiff_t>(std::min(addresses.size(), at + addresses_a_call)));
    int number = 0;
    for (const auto& address : asked) parameters.emplace_back("Filter.1.Value." + std::to_string(++number), address);
    IW_TRY(const auto answer, client_.call_query(parameters, ServiceClient::Repeat::safe));
    if (!answer.contains("<DescribeNetworkInterfacesResponse"))
      return fail(ErrorCode::protocol, "the answer is none of EC2", "ec2 DescribeNetworkInterfaces",
                  "check AWS_ENDPOINT_URL: this is not an answer of an AWS service");
    for (const auto interface : xml_items(answer, "networkInterfaceSet")) {
      const auto instance = xml_text(interface, "instanceId");
      for (const auto& address : addresses_of(interface)) {
        if (!asked.contains(address)) continue;
        ++interfaces[address];
        if (!instance.empty()) found[address] = instance;
      }
    }
  }
  std::erase_if(found, [&](const auto& each) { return interfaces[each.first] != 1; });
  return found;
}

Result<void> Ec2Client::create_route(const Route& route) const {
  return change_route(client_, "CreateRoute", route);
}

Result<void> Ec2Client::replace_route(const Route& route) const {
  return change_route(client_, "ReplaceRoute", route);
}

Result<void> Ec2Client::delete_route(const std::string& table, const std::string& destination) const {
  return change_route(client_, "DeleteRoute", {table, destination, {}});
}

}  // namespace intelwall::aws
