// The dataset form with a million domains: what it costs Suricata to load, and how soon a name that is added over its
// socket is dropped inline. The live part needs root and the lab's network, so no lab may be up.
// Usage: bench_dataset
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <thread>

#include "flows.hpp"
#include "lab/data_plane_config.hpp"
#include "lab/network.hpp"
#include "os/descriptor.hpp"
#include "rules/compile.hpp"
#include "suricata_run.hpp"

namespace {

using namespace intelwall;
using namespace intelwall::bench;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

constexpr std::size_t wanted = 1'000'000;
constexpr int repeats = 5;
constexpr const char* server = "198.51.100.80";
constexpr std::uint16_t port = 443;

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

std::filesystem::path rules_file() {
  return work_folder() / "dataset.rules";
}

/// A million domains that no other covers, as a rule file and the .lst that it loads; and a capture of one flow.
void prepare() {
  auto names = malicious_names();
  auto twins = Twins(names).make();
  std::ranges::move(twins, std::back_inserter(names));
  rules::CompileOptions options;
  options.format = rules::CompileFormat::dataset;
  options.action = Action::drop;
  const auto compile = [&] {
    rules::DomainTable table;
    for (const auto& text : names)
      if (const auto name = DomainName::parse(text)) table.add(*name, Scope::subdomains);
    return need(rules::compile(table, options));
  };
  auto result = compile();
  for (std::size_t i = 0; result.kept + i < wanted; ++i) names.push_back(fmt::format("more-{}.example", i));
  result = compile();
  std::string text;
  for (const auto& group : result.groups) text += group.file.content;
  for (const auto& file : result.data_files) {
    const auto place = work_folder() / file.name;
    need(os::replace_file(place, file.content));
    const auto from = "load " + file.name;
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + 1))
      text.replace(at, from.size(), "load " + place.native());
  }
  need(os::replace_file(rules_file(), text));
  need(os::replace_file(rules_file().native() + ".json", Json{{"kept", result.kept}, {"rules", result.rules}}.dump()));
  write_capture(work_folder() / "one.pcap", Way::tls, 1, FlowNames(popular_names(), names), {});
}

sockaddr_in address_of_server() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, server, &address.sin_addr);
  return address;
}

/// Answers a byte to whatever comes, until it is ended.
void serve() {
  const os::Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const auto address = address_of_server();
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener.get(), 64) != 0)
    give_up("the server cannot listen");
  while (true) {
    const os::Descriptor client(::accept(listener.get(), nullptr, nullptr));
    if (!client.is_open()) continue;
    const timeval patience{.tv_sec = 0, .tv_usec = 300'000};
    ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char bytes[2'048];
    if (::recv(client.get(), bytes, sizeof bytes, 0) > 0) ::send(client.get(), "x", 1, MSG_NOSIGNAL);
  }
}

/// Whether a ClientHello for `name` gets through to the server and back.
bool gets_through(const std::string& name) {
  const os::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = 0, .tv_usec = 250'000};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const auto address = address_of_server();
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return false;
  const auto hello = testing::client_hello(name);
  ::send(socket.get(), hello.data(), hello.size(), MSG_NOSIGNAL);
  char answer = 0;
  return ::recv(socket.get(), &answer, 1, 0) == 1;
}

/// One command to Suricata over its socket: JSON objects, a line each.
Result<void> command(const std::filesystem::path& path, const Json& question) {
  const os::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  IW_ASSERT(path.native().size() < sizeof address.sun_path);
  path.native().copy(address.sun_path, path.native().size());
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail(ErrorCode::unavailable, "Suricata's socket does not answer", path.native());
  for (const auto& each : {Json{{"version", "0.2"}}, question}) {
    const auto text = each.dump() + "\n";
    ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
    char answer[4'096];
    const auto size = ::recv(socket.get(), answer, sizeof answer, 0);
    if (size <= 0 || !std::string_view(answer, static_cast<std::size_t>(size)).contains("\"OK\""))
      return fail(ErrorCode::refused, "Suricata refused " + text, path.native());
  }
  return {};
}

/// Milliseconds from the command to the beginning of the first connection that is refused.
Result<double> add_and_probe(const std::filesystem::path& socket, const std::string& name, const std::string& base64) {
  if (!gets_through("www." + name)) return fail(ErrorCode::system, "a name is dropped that is not listed", name);
  const auto begin = Clock::now();
  IW_CHECK(command(socket, {{"command", "dataset-add"},
                            {"arguments", {{"setname", "iw_domains"}, {"settype", "string"}, {"datavalue", base64}}}}));
  while (ms_since(begin) < 10'000) {
    const double asked = ms_since(begin);
    if (!gets_through("www." + name)) return asked;
  }
  return fail(ErrorCode::system, "an added name is not dropped", name);
}

std::vector<double> enforce() {
  const auto folder = work_folder() / "live";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const std::filesystem::path socket = "/run/iw-bench.socket";
  need(os::replace_file(folder / "suricata.yaml", lab::suricata_yaml({.directory = folder,
                                                                      .rules = rules_file(),
                                                                      .socket = socket,
                                                                      .inside = lab::inside_interface,
                                                                      .outside = lab::outside_interface})));
  need(lab::create_network());
  pid_t engine = 0;
  need(lab::in_namespace(lab::firewall_namespace, [&]() -> Result<void> {
    // HOME_NET is any in the lab's settings: its rules come with variables put in.
    IW_TRY(engine,
           os::spawn({suricata, "-v", "-c", folder / "suricata.yaml", "-S", rules_file(), "--af-packet", "-l", folder},
                     {.output = folder / "log"}));
    return {};
  }));
  const auto begin = Clock::now();
  while (!need(os::read_file(folder / "log")).contains("Engine started")) {
    if (ms_since(begin) > 120'000 || !os::is_running(engine)) give_up(need(os::read_file(folder / "log")));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  pid_t answering = 0;
  need(lab::in_namespace(lab::internet_namespace, [&]() -> Result<void> {
    answering = ::fork();
    if (answering == 0) serve();
    return {};
  }));
  // A failure must not leave the network behind.
  std::vector<double> times;
  const auto probed = lab::in_namespace(lab::workload_namespace, [&]() -> Result<void> {
    for (int i = 0; i < 50 && !gets_through("first.example.net"); ++i) continue;
    // "n0.example.net" …, in base64.
    constexpr const char* encoded[] = {"bjAuZXhhbXBsZS5uZXQ=", "bjEuZXhhbXBsZS5uZXQ=", "bjIuZXhhbXBsZS5uZXQ=",
                                       "bjMuZXhhbXBsZS5uZXQ=", "bjQuZXhhbXBsZS5uZXQ="};
    for (int i = 0; i < repeats; ++i) {
      IW_TRY(const double time, add_and_probe(socket, fmt::format("n{}.example.net", i), encoded[i]));
      times.push_back(time);
    }
    return {};
  });
  os::stop(answering);
  os::stop(engine);
  need(lab::remove_network());
  need(probed);
  return times;
}

}  // namespace

int main() {
  if (!have_data() || !std::filesystem::exists(suricata)) {
    fmt::print("dataset: skipped, {}\n", have_data() ? "Suricata is not installed" : "the real names are not here");
    return 0;
  }
  apart(prepare);
  const auto made = read_json(rules_file().native() + ".json");
  const auto kept = made["kept"].get<std::size_t>();
  std::vector<double> load, peak;
  for (int i = 0; i < repeats; ++i) {
    const auto run = run_suricata(rules_file(), work_folder() / "one.pcap");
    if (run.loaded != made["rules"].get<std::size_t>()) give_up("the dataset is not loaded");
    load.push_back(run.used.user);
    peak.push_back(run.used.peak_mb);
  }
  fmt::print("dataset: {} domains load in {:.2f} s of user CPU (goal 3: {}), {:.0f} MB\n", kept, std::ranges::min(load),
             verdict(std::ranges::min(load) <= 3), median(peak));
  if (const auto can = lab::can_create_network(); !can || !lab::existing_namespaces().empty()) {
    fmt::print("  an added name: not measured, {}\n", can ? "a lab is up" : can.error().to_text());
    return 0;
  }
  const auto times = enforce();
  fmt::print("  an added name is dropped after {:.0f} ms, at most {:.0f} (goal 200: {})\n", median(times),
             std::ranges::max(times), verdict(std::ranges::max(times) <= 200));
  write_figures("dataset", {{"names", kept},
                            {"load_s", std::ranges::min(load)},
                            {"peak_mb", median(peak)},
                            {"enforced_ms", median(times)},
                            {"repeats", repeats}});
  return 0;
}
