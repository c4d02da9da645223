#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/time.hpp"

namespace intelwall::findings {

/// Where findings go: the account and Region of the Security Hub that takes them.
struct AsffTarget {
  std::string partition, region, account;
};

/// CrowdStrike's product in Security Hub, "arn:aws:securityhub:us-east-1:517716713836:product/crowdstrike/…".
std::string falcon_product_arn(std::string_view partition, std::string_view region);

/// The clouds that a sensor knows, by the names that the Falcon Integration Gateway gives them.
enum class HostCloud { aws, azure, gcp, unrecognized };
const char* to_string(HostCloud cloud);
/// "AWS", "Azure", "GCP", "unrecognized", in any case.
Result<HostCloud> parse_host_cloud(std::string_view name);
/// Of a device as Falcon's Hosts API describes it.
HostCloud cloud_of(const nlohmann::json& device);

/// A detection as an ASFF finding that lacks nothing but what only its host tells.
struct FalconDraft {
  std::string id;         ///< of the finding: "crowdstrike:crowdstrike-falcon:" and Falcon's own
  std::string aid;        ///< of the host's sensor; may be empty
  int severity = 5;       ///< 1 informational … 5 critical, and 5 when it is not told, as the gateway counts
  Time happened{};        ///< when the detection was made or changed
  nlohmann::json device;  ///< what the detection itself says of its host, spelled as in the Hosts API
  nlohmann::json asff;
};

/// Writes Falcon's detections as findings, in the form of the Falcon Integration Gateway (ids, ProductFields, Types)
/// with what it leaves out: the indicator as Network.DestinationDomain and ThreatIntelIndicators, all domains that were
/// seen, IPv6, both severity scales. Reading such a finding back gives the candidates that the detection gives. Every
/// text is cut to Security Hub's limits, counted in bytes and between characters, and holds no control character.
///
/// UpdatedAt is the event's own time (and, below the millisecond, its place in the feed): the same event gives the same
/// finding whenever it is written, and an old event never overwrites a newer one.
class FalconAsffWriter {
 public:
  FalconAsffWriter(AsffTarget target, Clock clock);
  ~FalconAsffWriter();

  /// A DetectionSummaryEvent or EppDetectionSummaryEvent, whole. Errors as read_falcon_event.
  Result<FalconDraft> event(std::string_view json, std::uint64_t offset);
  /// One alert of the Alerts API v2.
  Result<FalconDraft> alert(std::string_view json);
  /// The finding, with its host: `device` as the Hosts API describes it, or null.
  nlohmann::json finish(FalconDraft draft, const nlohmann::json& device) const;

 private:
  struct Parts;
  AsffTarget target_;
  Clock clock_;
  std::unique_ptr<Parts> parts_;
};

/// Whether a stream's eventType is that of a detection.
bool is_detection_event(std::string_view event_type);

}  // namespace intelwall::findings
