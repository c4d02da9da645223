#include "lab/vpc_resolver.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "lab/cloud.hpp"
#include "lab/dns_message.hpp"
#include "lab/lab.hpp"
#include "lab/network.hpp"

namespace intelwall::lab {
namespace {

constexpr std::uint16_t dns_port = 53;
constexpr std::size_t largest_message = 65'535;

sockaddr_in address_of(const char* address) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(dns_port);
  IW_ASSERT(::inet_pton(AF_INET, address, &out.sin_addr) == 1);
  return out;
}

using Attach = int (*)(int, const sockaddr*, socklen_t);

/// A UDP socket in a namespace, which waits at most `patience` for a message.
Result<os::Descriptor> open_socket(const char* network, Attach attach, const char* address, timeval patience) {
  os::Descriptor out;
  const auto opened = in_namespace(network, [&]() -> Result<void> {
    os::Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto target = address_of(address);
    if (!socket.is_open() || ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        attach(socket.get(), reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0)
      return fail(ErrorCode::system, "the VPC's resolver has no socket: " + std::generic_category().message(errno),
                  address);
    out = std::move(socket);
    return {};
  });
  if (!opened) return std::unexpected(opened.error());
  return out;
}

}  // namespace

std::string query_record(const ResolverQuery& query) {
  Json answers = Json::array();
  for (const auto& record : read_records(query.answer))
    answers.push_back({{"Rdata", record.data}, {"Type", dns_type_name(record.type)}, {"Class", "IN"}});
  Json line = {{"version", "1.100000"},
               {"account_id", account_id},
               {"region", region},
               {"vpc_id", dns_vpc_id},
               {"query_timestamp", format_time(query.at)},
               {"query_name", query.name + "."},
               {"query_type", query.type},
               {"query_class", "IN"},
               {"rcode", to_string(code_of(query.answer))},
               {"answers", std::move(answers)},
               {"srcaddr", query.source},
               {"srcport", fmt::format("{}", query.port)},
               {"transport", "UDP"},
               {"srcids", {{"instance", workload_instance}}}};
  if (query.verdict && query.verdict->action != DnsVerdict::Action::allow) {
    line["firewall_rule_action"] = query.verdict->action == DnsVerdict::Action::block ? "BLOCK" : "ALERT";
    line["firewall_rule_group_id"] = query.verdict->group_id;
    line["firewall_domain_list_id"] = query.verdict->list_id;
  }
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string resolve(std::string_view query, const std::optional<DnsVerdict>& verdict,
                    const std::function<std::string(std::string_view)>& ask) {
  const auto question = read_question(query);
  if (!question) return {};
  if (!verdict || verdict->action != DnsVerdict::Action::block) {
    auto answer = ask(query);
    return answer.empty() ? dns_answer(query, *question, DnsCode::server_failure) : answer;
  }
  switch (verdict->response) {
    case DnsVerdict::Response::no_such_name:
      return dns_answer(query, *question, DnsCode::no_such_name);
    case DnsVerdict::Response::no_data:
      return dns_answer(query, *question, DnsCode::no_error);
    case DnsVerdict::Response::other_name:
      return dns_redirect(query, *question, verdict->other_name, verdict->seconds)
          .value_or(dns_answer(query, *question, DnsCode::server_failure));
  }
  return {};
}

VpcResolver::VpcResolver(std::shared_ptr<DnsFirewall> firewall, std::filesystem::path log, OnRecord on_record,
                         os::Descriptor inside, os::Descriptor outside)
    : firewall_(std::move(firewall)),
      log_(std::move(log)),
      on_record_(std::move(on_record)),
      inside_(std::move(inside)),
      outside_(std::move(outside)),
      thread_([this](const std::stop_token& stop) { answer_until(stop); }) {}

Result<std::unique_ptr<VpcResolver>> VpcResolver::start(std::shared_ptr<DnsFirewall> firewall,
                                                        std::filesystem::path log, OnRecord on_record) {
  constexpr timeval look_around{.tv_sec = 0, .tv_usec = 200'000}, until_given_up{.tv_sec = 2, .tv_usec = 0};
  IW_TRY(auto inside, open_socket(workload_namespace, ::bind, resolver_address, look_around));
  IW_TRY(auto outside, open_socket(internet_namespace, ::connect, internet_address, until_given_up));
  return std::unique_ptr<VpcResolver>(new VpcResolver(std::move(firewall), std::move(log), std::move(on_record),
                                                      std::move(inside), std::move(outside)));
}

/// The answer of the internet's name server; empty when none comes.
std::string VpcResolver::ask(std::string_view query) {
  if (::send(outside_.get(), query.data(), query.size(), 0) < 0) return {};
  std::string answer(largest_message, '\0');
  // One that came too late for the query before this one is passed over.
  for (int i = 0; i < 10; ++i) {
    const auto size = ::recv(outside_.get(), answer.data(), answer.size(), 0);
    if (size < 0) return {};
    if (size >= 2 && std::string_view(answer).substr(0, 2) == query.substr(0, 2))
      return answer.substr(0, static_cast<std::size_t>(size));
  }
  return {};
}

void VpcResolver::answer_until(const std::stop_token& stop) {
  std::string message(largest_message, '\0');
  std::ofstream log(log_, std::ios::app);
  while (!stop.stop_requested()) {
    sockaddr_in from{};
    socklen_t from_size = sizeof from;
    const auto size =
        ::recvfrom(inside_.get(), message.data(), message.size(), 0, reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size <= 0) continue;
    const auto query = std::string_view(message).substr(0, static_cast<std::size_t>(size));
    const auto question = read_question(query);
    if (!question) continue;
    const auto type = dns_type_name(question->type);
    const auto verdict = firewall_->verdict(question->name, type);
    const auto answer = resolve(query, verdict, [this](std::string_view each) { return ask(each); });
    std::array<char, INET_ADDRSTRLEN> source{};
    ::inet_ntop(AF_INET, &from.sin_addr, source.data(), source.size());
    // Written before the answer is sent: who has the answer finds its record.
    const auto record = query_record({.name = question->name,
                                      .type = type,
                                      .source = source.data(),
                                      .port = ntohs(from.sin_port),
                                      .answer = answer,
                                      .verdict = verdict,
                                      .at = system_now()});
    log << record << '\n' << std::flush;
    if (on_record_) on_record_(record);
    ::sendto(inside_.get(), answer.data(), answer.size(), 0, reinterpret_cast<const sockaddr*>(&from), from_size);
  }
}

}  // namespace intelwall::lab
