// Looking through logs for watched names, against bench/log_scan_reference.py (Python, orjson) and against simdjson's
// own parse of the same bytes, in one run; CPU time. Exits 1 when ours and Python's counts differ.
//
// Usage: bench_log_scan [--python PATH]
#include <fmt/format.h>
#include <simdjson.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "hunt/log_scanner.hpp"
#include "measure.hpp"
#include "os/file.hpp"
#include "os/process.hpp"

namespace {

using intelwall::bench::cpu_seconds;
using namespace intelwall;

constexpr std::size_t events = 300'000;
constexpr std::size_t watched_names = 200'000;
constexpr int rounds = 5;

template <class Work>
double median_of(Work&& work) {
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    const double begin = cpu_seconds();
    work();
    times.push_back(cpu_seconds() - begin);
  }
  return bench::median(std::move(times));
}

std::string name_of(std::mt19937& random) {
  static constexpr const char* words[] = {"cdn",  "update", "static", "img",    "login",
                                          "mail", "shop",   "cloud",  "secure", "api"};
  return fmt::format("{}{}-{:x}.{}", words[random() % 10], words[random() % 10], random() % 200'000,
                     random() % 3 == 0 ? "net" : "example");
}

/// A sensor's day: half of the events are flows and files, the rest name something; one in a hundred is watched.
std::string log_text(std::mt19937& random, const std::vector<std::string>& watched) {
  std::string text;
  for (std::size_t i = 0; i < events; ++i) {
    const auto name = random() % 100 == 0 ? "www." + watched[random() % watched.size()] : name_of(random);
    const auto head = fmt::format(
        R"({{"timestamp":"2026-11-24T{:02}:{:02}:{:02}.{:06}+0000","flow_id":{},"in_iface":"eth0","event_type":)",
        random() % 24, random() % 60, random() % 60, random() % 1'000'000, random());
    const auto flow = fmt::format(
        R"("src_ip":"10.0.{}.{}","src_port":{},"dest_ip":"198.51.100.{}","dest_port":443,"proto":"TCP","pkt_src":"wire/pcap")",
        random() % 256, random() % 256, 1'024 + random() % 60'000, random() % 256);
    switch (random() % 10) {
      case 0:
      case 1:
      case 2:
      case 3:
        text +=
            head + R"("flow",)" + flow +
            fmt::format(
                R"(,"app_proto":"tls","flow":{{"pkts_toserver":{0},"pkts_toclient":{0},"bytes_toserver":{1},"bytes_toclient":{1},"start":"2026-11-24T10:00:00.000000+0000","end":"2026-11-24T10:00:09.000000+0000","age":9,"state":"closed","reason":"timeout","alerted":false}},"tcp":{{"tcp_flags":"1b","tcp_flags_ts":"1b","tcp_flags_tc":"1b","syn":true,"fin":true,"psh":true,"ack":true,"state":"closed"}}}})",
                random() % 100, random() % 100'000);
        break;
      case 4:
      case 5:
      case 6:
        text +=
            head + R"("tls",)" + flow +
            fmt::format(
                R"(,"tls":{{"subject":"CN={0}","issuerdn":"C=US, O=Example Trust Services, CN=Example RSA CA 2026","serial":"0A:1B:2C:3D:4E:5F:60:71","fingerprint":"aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd","sni":"{0}","version":"TLS 1.2","notbefore":"2026-01-01T00:00:00","notafter":"2027-01-01T00:00:00","ja3":{{"hash":"{1:032x}","string":"771,4865-4866-4867-49195,0-23-65281-10-11-35-16-5-13,29-23-24,0"}}}}}})",
                name, random());
        break;
      case 7:
        text += head + R"("dns",)" + flow +
                fmt::format(R"(,"dns":{{"type":"query","id":{},"rrname":"{}","rrtype":"A","tx_id":0,"opcode":0}}}})",
                            random() % 65'536, name);
        break;
      case 8:
        text +=
            head + R"("http",)" + flow +
            fmt::format(
                R"(,"tx_id":0,"http":{{"hostname":"{}","url":"/a/b/c.js?x={}","http_user_agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36","http_content_type":"text/html","http_method":"GET","protocol":"HTTP/1.1","status":200,"length":{}}}}})",
                name, random(), random() % 10'000);
        break;
      default:
        text +=
            fmt::format(
                R"({{"firewall_name":"inspection","availability_zone":"us-east-1a","event_timestamp":"1790000000","event":{}"alert",{})",
                head, flow) +
            fmt::format(
                R"(,"alert":{{"action":"blocked","gid":1,"signature_id":{},"rev":1,"signature":"intelwall block","category":"","severity":3,"metadata":{{"iw_id":["abcdefghijkl"]}}}},"tls":{{"sni":"{}","version":"TLS 1.3"}},"app_proto":"tls","direction":"to_server"}}}})",
                1'200'000'000 + random() % 1'000, name);
        break;
    }
    text += '\n';
  }
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string python =
      argc > 2 && std::string_view(argv[1]) == "--python" ? argv[2] : INTELWALL_SOURCE_DIR "/build/venv/bin/python";
  std::mt19937 random(7);
  std::vector<std::string> watched;
  for (std::size_t i = 0; i < watched_names; ++i)
    watched.push_back(fmt::format("bad-{:x}.example", i * 2'654'435'761u));
  std::vector<DomainSet::Entry> entries;
  std::string listed;
  for (const auto& name : watched) {
    entries.push_back({name, Scope::subdomains, 0});
    listed += name + "\n";
  }
  const auto set = DomainSet::build(entries);
  auto text = log_text(random, watched);
  const auto size = text.size();
  text.resize(size + 64);
  const std::string_view log(text.data(), size);

  hunt::ScanReport report;
  const double ours = median_of([&] {
    report = {};
    hunt::LogScanner(*set).scan_lines(log, 64, "log", 1, [](const auto&, const auto&) {}, report);
  });
  std::size_t documents = 0;
  const double simdjsons = median_of([&] {
    simdjson::dom::parser parser;
    documents = 0;
    for (std::string_view rest = log; !rest.empty();) {
      const auto end = rest.find('\n');
      simdjson::dom::element document;
      // The log is padded, so nothing is copied.
      if (parser.parse(rest.data(), end, false).get(document) == simdjson::SUCCESS) ++documents;
      rest.remove_prefix(end + 1);
    }
  });

  const auto folder = std::filesystem::temp_directory_path() / fmt::format("iw-bench-log-{}", ::getpid());
  std::filesystem::create_directories(folder);
  const bool written = os::replace_file(folder / "log", log) && os::replace_file(folder / "names", listed);
  std::vector<double> pythons;
  std::size_t python_hits = 0, python_contacts = 0;
  for (int i = 0; written && i < 3; ++i) {
    const auto ran =
        os::run({python, INTELWALL_SOURCE_DIR "/bench/log_scan_reference.py", folder / "log", folder / "names"},
                {.time_out = std::chrono::minutes{5}});
    const auto said = ran ? nlohmann::json::parse(ran->out, nullptr, false) : nlohmann::json();
    if (!said.is_object()) {
      std::fputs("bench_log_scan: the Python reference did not run: scripts/setup makes what it needs\n", stderr);
      break;
    }
    pythons.push_back(said["seconds"]);
    python_hits = said["hits"];
    python_contacts = said["contacts"];
  }
  std::filesystem::remove_all(folder);
  const double megabytes = static_cast<double>(size) / 1e6;
  std::fputs(fmt::format("{:.0f} MB, {} events, {} names, {} hits among {} watched\n", megabytes, report.lines,
                         report.names, report.hits, watched_names)
                 .c_str(),
             stdout);
  std::fputs(fmt::format("ours              {:7.0f} MB/s\nsimdjson alone    {:7.0f} MB/s of {} documents: ours is "
                         "{:.0f} % of it (goal 40 %)\n",
                         megabytes / ours, megabytes / simdjsons, documents, 100 * simdjsons / ours)
                 .c_str(),
             stdout);
  if (pythons.empty()) return 1;
  const double reference = bench::median(std::move(pythons));
  std::fputs(fmt::format("Python and orjson {:7.0f} MB/s: ours is {:.1f} times as fast (goal 10)\n",
                         megabytes / reference, reference / ours)
                 .c_str(),
             stdout);
  if (python_hits == report.hits && python_contacts == report.names) return 0;
  std::fputs(fmt::format("bench_log_scan: Python found {} hits in {} names, we {} in {}\n", python_hits,
                         python_contacts, report.hits, report.names)
                 .c_str(),
             stderr);
  return 1;
}
