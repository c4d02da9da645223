#include "hunt/log_subscription.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "intel/byte_source.hpp"

namespace intelwall::hunt {
namespace {

using Json = nlohmann::json;

constexpr std::size_t max_unpacked = 64u << 20;

std::unexpected<Error> malformed(std::string why) {
  return fail(ErrorCode::invalid_input, std::move(why), "awslogs.data",
              "give what a subscription filter of CloudWatch Logs delivers");
}

Result<std::vector<char>> decode(const std::string& text) {
  if (text.size() % 4 != 0 || text.empty()) return malformed("it is not base64: its length is no multiple of four");
  std::vector<unsigned char> bytes(text.size() / 4 * 3);
  const int size = EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(std::min<std::size_t>(text.size(), 1u << 30)));
  if (size < 0) return malformed("it is not base64");
  const auto padding = static_cast<std::size_t>(std::ranges::count(text.substr(text.size() - 2), '='));
  return std::vector<char>(bytes.begin(), bytes.begin() + size - static_cast<std::ptrdiff_t>(padding));
}

Result<std::string> unpack(const std::vector<char>& bytes) {
  IW_TRY(const auto source, intel::unpacked(bytes, "awslogs.data"));
  std::string text;
  for (;;) {
    const auto size = text.size();
    text.resize(size + (256u << 10));
    IW_TRY(const std::size_t got, source->read(std::span(text).subspan(size)));
    text.resize(size + got);
    if (got == 0) return text;
    if (text.size() > max_unpacked) return malformed("it unpacks to more than 64 MiB");
  }
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Result<LogBatch> read_subscription(std::string_view event) {
  auto json = Json::parse(event, nullptr, false);
  if (!json.is_object()) return malformed("the event is no JSON object");
  if (const auto logs = json.find("awslogs"); logs != json.end()) {
    if (!logs->is_object() || text_of(*logs, "data").empty()) return malformed("awslogs has no data");
    IW_TRY(const auto packed, decode(text_of(*logs, "data")));
    IW_TRY(const auto text, unpack(packed));
    json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return malformed("what it unpacks to is no JSON object");
  }
  LogBatch batch{.account = text_of(json, "owner"),
                 .group = text_of(json, "logGroup"),
                 .stream = text_of(json, "logStream"),
                 .lines = {}};
  const auto type = text_of(json, "messageType");
  if (type == "CONTROL_MESSAGE") {
    batch.kind = LogBatch::Kind::control;
    return batch;
  }
  const auto events = json.find("logEvents");
  if (type != "DATA_MESSAGE" || events == json.end() || !events->is_array())
    return malformed("it is neither a DATA_MESSAGE with logEvents nor a CONTROL_MESSAGE");
  for (const auto& each : *events) {
    if (!each.is_object()) continue;
    auto message = text_of(each, "message");
    std::ranges::replace(message, '\n', ' ');
    batch.lines.append(message).append("\n");
    ++batch.events;
  }
  return batch;
}

}  // namespace intelwall::hunt
