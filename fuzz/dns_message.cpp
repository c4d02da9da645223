// Any bytes as a DNS query and as an answer: what is read stays within them, and what is answered is an answer to them.
#include <cstdint>
#include <string>
#include <string_view>

#include "lab/dns_message.hpp"
#include "lab/vpc_resolver.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace intelwall::lab;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(read_records(bytes));
  const auto question = read_question(bytes);
  if (!question) return 0;
  IW_ASSERT(question->end <= size && question->name.size() <= 4 * 255);
  for (const auto response :
       {DnsVerdict::Response::no_such_name, DnsVerdict::Response::no_data, DnsVerdict::Response::other_name}) {
    const DnsVerdict verdict{.action = DnsVerdict::Action::block,
                             .group_id = {},
                             .list_id = {},
                             .response = response,
                             .other_name = "sink.example",
                             .seconds = 60};
    const auto answer = resolve(bytes, verdict, [](std::string_view) { return std::string(); });
    IW_ASSERT(answer.size() >= question->end && answer.substr(0, 2) == bytes.substr(0, 2));
    IW_ASSERT(!read_question(answer));  // it is no query
    IW_ASSERT(read_records(answer).size() == (response == DnsVerdict::Response::other_name ? 1U : 0U));
    static_cast<void>(query_record({.name = question->name,
                                    .type = dns_type_name(question->type),
                                    .source = {},
                                    .answer = answer,
                                    .verdict = verdict}));
  }
  return 0;
}
