// Evaluating FQL filters over parsed indicators against bench/fql_reference.py (Python closures over dicts): the same
// objects, one run, CPU time. "table" is fql::Table over objects that were added to it before, "matcher" is
// fql::Matcher over simdjson's parsed objects, which are too large for any cache; both leave parsing out, as Python's
// column does.
// "+parsing" is one pass from the bytes, as `fql eval` does it (Python by orjson). Exits 1 when one of them disagrees
// about a single object.
//
// Usage: bench_fql [--python PATH] [--indicators N] [--rounds N]

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "intel/fql_lines.hpp"
#include "intel/fql_table.hpp"
#include "measure.hpp"
#include "os/process.hpp"

namespace {

using intelwall::bench::cpu_seconds;
using namespace intelwall;

constexpr double goal = 20.0;
constexpr std::int64_t now = 1'767'225'600;  // 2026-01-01

// The first is the figure of the integration's description; the others use what it does not.
const std::vector<std::string> filters = {
    "type:'domain'+malicious_confidence:'High'+targets:'Technology'+last_updated:>'now-90d'",
    "deleted:false+(type:'domain',type:'url')+_marker:>='1740000000'",
    "type:['domain','url','ip_address']+malicious_confidence:!'unverified'+domain_types:!['KnownGood','Sinkholed']",
    "labels.name:'DomainType/ActorControlled'+published_date:>'2025-06-01'",
    "actors:['SALTYSPIDER','FANCYBEAR'],malware_families:~'mofksys loader'",
    "indicator:*'*node7*'",
    "indicator:'a*.example.net'+targets:!''",
};

/// Indicators in the shape of Falcon's.
class Generator {
 public:
  std::string next() {
    static constexpr std::string_view types[] = {"domain", "domain", "domain", "url", "ip_address", "hash_sha256"};
    static constexpr std::string_view confidences[] = {"high", "medium", "low", "unverified"};
    const auto type = types[pick(std::size(types))];
    const auto published = now - static_cast<std::int64_t>(pick(400 * 86'400));
    const auto updated = std::min(now, published + static_cast<std::int64_t>(pick(60 * 86'400)));
    const auto text = fmt::format("{}node{}.{}", static_cast<char>('a' + pick(26)), pick(1'000'000),
                                  pick(2) == 0 ? "example.com" : "example.net");
    const auto confidence = confidences[pick(std::size(confidences))];
    return fmt::format(
        R"({{"id":"{0}_{1}","indicator":"{1}","type":"{0}","deleted":{2},"published_date":{3},"last_updated":{4},"reports":{5},"actors":{6},"malware_families":{7},"kill_chains":{8},"ip_address_types":[],"domain_types":{9},"malicious_confidence":"{10}","_marker":"{4}{11:032x}","labels":[{{"name":"MaliciousConfidence/{10}","created_on":{3},"last_valid_on":{4}}},{{"name":"DomainType/{12}","created_on":{3},"last_valid_on":{4}}}],"relations":[{{"id":"ip_address_203.0.113.{13}","indicator":"203.0.113.{13}","type":"ip_address","created_date":{3},"last_valid_date":{4}}}],"targets":{14},"threat_types":{15},"vulnerabilities":[]}})",
        type, text, pick(50) == 0, published, updated, some({"CSA-251234", "CSIT-25071"}),
        some({"SALTYSPIDER", "FANCYBEAR", "WIZARDSPIDER"}), some({"Mofksys", "Mofksys Loader", "Emotet"}),
        some({"Installation", "C2"}), some({"ActorControlled", "DGA", "KnownGood", "Sinkholed"}), confidence, random_(),
        pick(3) == 0 ? "ActorControlled" : "DGA", pick(256),
        some({"Financial", "Technology", "Energy", "Retail", "Healthcare"}), some({"Commodity", "Criminal"}));
  }

 private:
  std::size_t pick(std::size_t end) { return static_cast<std::size_t>(random_() % end); }
  std::string some(std::initializer_list<std::string_view> words) {
    std::string out;
    for (const auto word : words)
      if (pick(words.size()) == 0) out += fmt::format("{}\"{}\"", out.empty() ? "" : ",", word);
    return "[" + out + "]";
  }
  std::mt19937_64 random_{20'261'124};
};

struct Ours {
  std::string matches;  ///< numbers of the matching objects
  std::size_t count = 0;
  double table = 1e9;
  double matcher = 1e9;
  double with_parsing = 1e9;
};

/// Lines out of memory, as a file's.
class Bytes : public intel::ByteSource {
 public:
  explicit Bytes(std::string_view rest) : rest_(rest) {}
  Result<std::size_t> read(std::span<char> room) override {
    const auto size = rest_.copy(room.data(), room.size());
    rest_.remove_prefix(size);
    return size;
  }
  std::uint64_t consumed() const override { return 0; }

 private:
  std::string_view rest_;
};

Ours measure(const std::string& text, const fql::Table& table, const std::vector<simdjson::dom::element>& objects,
             std::string_view lines, int rounds) {
  const auto filter = fql::parse(text).value();
  const Time time{std::chrono::seconds{now}};
  fql::Matcher matcher(filter, time);
  Ours ours;
  std::vector<std::size_t> matches;
  for (int round = 0; round < rounds; ++round) {
    matches.clear();
    const double start = cpu_seconds();
    for (std::size_t i = 0; i < objects.size(); ++i)
      if (matcher(objects[i])) matches.push_back(i);
    ours.matcher = std::min(ours.matcher, cpu_seconds() - start);
  }
  for (int round = 0; round < rounds; ++round) {
    const double start = cpu_seconds();
    const auto rows = table.select(filter, time);
    ours.table = std::min(ours.table, cpu_seconds() - start);
    if (!std::ranges::equal(rows, matches)) std::abort();
  }
  {
    Bytes source(lines);
    std::size_t count = 0;
    const auto take = [&](std::string_view) {
      ++count;
      return fql::Next::go_on;
    };
    const double start = cpu_seconds();
    const auto report =
        fql::match_lines(source, matcher, take, [](std::uint64_t, const std::string&) { std::abort(); });
    ours.with_parsing = cpu_seconds() - start;
    if (!report || count != matches.size()) std::abort();
  }
  ours.count = matches.size();
  ours.matches = fmt::format("{}", fmt::join(matches, " "));
  return ours;
}

}  // namespace

int main(int argc, char** argv) {
  std::string python = fmt::format("{}/build/venv/bin/python", INTELWALL_SOURCE_DIR);
  std::size_t count = 100'000;
  int rounds = 5;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (flag == "--python") python = argv[i + 1];
    if (flag == "--indicators") count = std::strtoull(argv[i + 1], nullptr, 10);
    if (flag == "--rounds") rounds = std::max(1, std::atoi(argv[i + 1]));
  }
  Generator generator;
  std::string lines;
  std::string list = "[";
  for (std::size_t n = 0; n < count; ++n) {
    const auto object = generator.next();
    lines += object + "\n";
    list += (n == 0 ? "" : ",") + object;
  }
  list += "]";
  auto folder = (std::filesystem::temp_directory_path() / "intelwall-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 1;
  std::ofstream(folder + "/indicators.jsonl", std::ios::binary) << lines;
  std::vector<std::string> command = {python, fmt::format("{}/bench/fql_reference.py", INTELWALL_SOURCE_DIR),
                                      folder + "/indicators.jsonl"};
  command.insert(command.end(), filters.begin(), filters.end());
  for (const auto& argument : {std::string("--now"), std::to_string(now), std::string("--rounds"),
                               std::to_string(rounds), std::string("--ids"), folder + "/ids"})
    command.push_back(argument);
  const auto reference = os::run(command, {.time_out = std::chrono::minutes{10}});
  std::ifstream ids(folder + "/ids");
  if (!reference || reference->exit_code != 0) {
    std::fputs(reference ? reference->err.c_str() : reference.error().to_text().c_str(), stderr);
    return 1;
  }

  simdjson::dom::parser parser;
  simdjson::dom::array array;
  if (parser.parse(list).get_array().get(array) != simdjson::SUCCESS) return 1;
  const std::vector<simdjson::dom::element> objects(array.begin(), array.end());

  fql::Table table;
  const double start = cpu_seconds();
  for (const auto& object : objects)
    if (!table.add(object)) return 1;
  const double adding = cpu_seconds() - start;

  std::istringstream answers(reference->out);
  bool same = true;
  fmt::print("{} indicators, {} bytes; CPU ns an object; {:.0f} ns to add one to the table (goal: table {}x python)\n",
             count, lines.size(), adding * 1e9 / static_cast<double>(count), goal);
  fmt::print("{:>7} {:>7} {:>7} | {:>8} {:>7} | {:>9} {:>9} {:>7}  matches  filter\n", "python", "table", "ratio",
             "matcher", "ratio", "py+parse", "+parsing", "ratio");
  const auto per_object = [&](double seconds) { return seconds * 1e9 / static_cast<double>(count); };
  for (const auto& filter : filters) {
    std::string answer;
    std::string expected;
    std::getline(answers, answer);
    std::getline(ids, expected);
    const auto peer = nlohmann::json::parse(answer);
    const double evaluate = peer.at("evaluate_seconds");
    const double with_parsing = evaluate + peer.at("parse_seconds").get<double>();
    const auto ours = measure(filter, table, objects, lines, rounds);
    if (ours.matches != expected) {
      fmt::print("DIFFERENT: {} matches here, {} in Python: {}\n", ours.count, peer.at("matches").get<int>(), filter);
      same = false;
    }
    fmt::print("{:7.0f} {:7.1f} {:6.1f}x | {:8.1f} {:6.1f}x | {:9.0f} {:9.0f} {:6.1f}x  {:7}  {}\n",
               per_object(evaluate), per_object(ours.table), evaluate / ours.table, per_object(ours.matcher),
               evaluate / ours.matcher, per_object(with_parsing), per_object(ours.with_parsing),
               with_parsing / ours.with_parsing, ours.count, filter);
  }
  std::filesystem::remove_all(folder);
  return same ? 0 : 1;
}
