#pragma once

#include <filesystem>
#include <stop_token>

#include "app/context.hpp"
#include "app/forwarder.hpp"
#include "falcon/stream_reader.hpp"

namespace intelwall::app {

struct ForwardOptions {
  enum class Source { streams, alerts };
  Source source = Source::streams;
  enum class Until { stopped, caught_up };
  Until until = Until::stopped;
  std::string app_id = "intelwall";
  falcon::Position begin;                      ///< for what has no saved position
  std::string alert_filter = "product:'epp'";  ///< FQL
  std::chrono::seconds poll{15};               ///< between two looks at the alerts
  ForwardFilter filter;
  std::filesystem::path state_directory;
  double calls_a_second = 10, burst = 30;  ///< of BatchImportFindings, per account and Region
};

struct ForwardReport {
  ForwardTotals forwarded;
  falcon::ReaderTotals read;
};

struct ForwardHooks {
  std::function<void(const Error&)> tell;              ///< from any thread, one call at a time
  std::function<void(const ForwardReport&)> progress;  ///< after each batch
};

/// Falcon's detections → Security Hub, until stopped or (caught_up) until nothing is left to read. Positions are saved
/// in `state_directory` after Security Hub has taken what stands before them, so that a kill at any point loses
/// nothing; what comes twice is one finding. Checks first that the account lets CrowdStrike's product import findings.
/// Needs a connected context.
Result<ForwardReport> forward(Context& context, const ForwardOptions& options, const ForwardHooks& hooks,
                              const std::stop_token& stop);

/// Where forward() keeps its position.
std::filesystem::path position_file(const ForwardOptions& options);

/// The account, partition and Region behind a product subscription: where findings of CrowdStrike go. `denied` when the
/// product is not enabled.
Result<findings::AsffTarget> find_falcon_product(const aws::SecurityHubClient& hub);

/// $STATE_DIRECTORY (systemd), /var/lib/intelwall for root, else $XDG_STATE_HOME/intelwall or ~/.local/state/intelwall.
std::filesystem::path default_state_directory(const aws::Environment& env);

}  // namespace intelwall::app
