#include "firewalls/suricata_socket.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "os/descriptor.hpp"

namespace intelwall::firewalls {
namespace {

using Json = nlohmann::json;
using std::chrono::steady_clock;

std::unexpected<Error> silent(const std::filesystem::path& socket, const std::string& why) {
  return fail(ErrorCode::unavailable, "Suricata does not answer on its socket: " + why, printable(socket.string()));
}

class Conversation {
 public:
  Conversation(const std::filesystem::path& path, std::chrono::milliseconds time_out)
      : path_(path), deadline_(steady_clock::now() + time_out) {}

  Result<void> open() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto text = path_.string();
    if (text.size() >= sizeof address.sun_path) return silent(path_, "its path is too long");
    std::memcpy(address.sun_path, text.data(), text.size());
    socket_ = os::Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket_.is_open() ||
        ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      return silent(path_, std::generic_category().message(errno));
    }
    return {};
  }

  Result<Json> ask(const Json& question) {
    auto text = question.dump() + "\n";
    if (::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) {
      return silent(path_, std::generic_category().message(errno));
    }
    // An answer is complete when it parses: not every version ends it with a line break.
    std::string answer;
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - steady_clock::now()).count();
      pollfd waiting{socket_.get(), POLLIN, 0};
      if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) == 0) return silent(path_, "no answer in time");
      std::array<char, 4096> buffer{};
      const auto got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return silent(path_, "it hung up");
      answer.append(buffer.data(), static_cast<std::size_t>(got));
      auto parsed = Json::parse(answer, nullptr, false);
      if (!parsed.is_discarded()) return parsed;
      if (answer.size() > (1u << 20))
        return fail(ErrorCode::protocol, "Suricata's answer is no JSON", printable(path_.string()));
    }
  }

 private:
  std::filesystem::path path_;
  steady_clock::time_point deadline_;
  os::Descriptor socket_;
};

bool is_ok(const Json& answer) {
  return answer.is_object() && answer.value("return", Json()) == "OK";
}

}  // namespace

Result<void> engine_commands(const std::filesystem::path& socket, const std::vector<Json>& commands,
                             std::chrono::milliseconds time_out) {
  if (commands.empty()) return {};
  Conversation conversation(socket, time_out);
  IW_CHECK(conversation.open());
  IW_TRY(const auto hello, conversation.ask({{"version", "0.2"}}));
  if (!is_ok(hello))
    return fail(ErrorCode::protocol, "Suricata does not speak protocol 0.2", printable(socket.string()));
  for (const auto& command : commands) {
    IW_TRY(const auto answer, conversation.ask(command));
    if (!is_ok(answer))
      return fail(ErrorCode::protocol,
                  fmt::format("Suricata refused {}: {}", printable(command.value("command", std::string()), 40),
                              printable(answer.dump(), 200)),
                  printable(socket.string()));
  }
  return {};
}

Result<Json> engine_command(const std::filesystem::path& socket, const std::string& command,
                            std::chrono::milliseconds time_out) {
  Conversation conversation(socket, time_out);
  IW_CHECK(conversation.open());
  IW_TRY(const auto hello, conversation.ask({{"version", "0.2"}}));
  if (!is_ok(hello))
    return fail(ErrorCode::protocol, "Suricata does not speak protocol 0.2", printable(socket.string()));
  IW_TRY(auto answer, conversation.ask({{"command", command}}));
  if (!is_ok(answer)) {
    return fail(ErrorCode::protocol, fmt::format("Suricata refused {}: {}", command, printable(answer.dump(), 200)),
                printable(socket.string()));
  }
  return answer.value("message", Json());
}

Result<LoadedRules> loaded_rules(const std::filesystem::path& socket) {
  IW_TRY(const auto message, engine_command(socket, "ruleset-stats", std::chrono::seconds(10)));
  const auto& tenant = message.is_array() && !message.empty() ? message[0] : message;
  if (!tenant.is_object() || !tenant.value("rules_loaded", Json()).is_number_unsigned() ||
      !tenant.value("rules_failed", Json()).is_number_unsigned()) {
    return fail(ErrorCode::protocol, "Suricata's ruleset-stats have no counts", printable(socket.string()));
  }
  return LoadedRules{tenant["rules_loaded"].get<std::size_t>(), tenant["rules_failed"].get<std::size_t>()};
}

}  // namespace intelwall::firewalls
