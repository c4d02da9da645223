#include "lab/cloud_deployment.hpp"

#include <utility>

namespace intelwall::lab {
namespace {
constexpr std::chrono::seconds retry_after{1};
}

Deployment::Deployment(std::shared_ptr<DataPlane> data_plane, std::chrono::milliseconds delay)
    : data_plane_(std::move(data_plane)), delay_(delay) {
  if (data_plane_) loader_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Deployment::~Deployment() {
  stop();
}

void Deployment::stop() {
  loader_.request_stop();
  if (loader_.joinable()) loader_.join();
}

void Deployment::submit(Version version) {
  {
    const std::scoped_lock lock(mutex_);
    if (!data_plane_) return settle(version);
    waiting_ = std::move(version);
  }
  changed_.notify_all();
}

void Deployment::settle(const Version& version) {
  std::map<std::string, Applied> now_applied;
  const Steady::time_point ready_at = Steady::now() + delay_;
  for (const auto& [arn, token] : version.tokens) {
    const auto before = applied_.find(arn);
    const bool known = before != applied_.end() && before->second.token == token;
    now_applied.emplace(arn, known ? before->second : Applied{token, ready_at});
  }
  applied_ = std::move(now_applied);
  failure_.clear();
}

void Deployment::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return waiting_.has_value(); })) {
    Version version = *std::exchange(waiting_, std::nullopt);
    lock.unlock();
    const Result<void> loaded = data_plane_->load(version.compiled);
    lock.lock();
    if (loaded) {
      settle(version);
      continue;
    }
    failure_ = printable(loaded.error().to_text(), 512);
    if (waiting_) continue;
    changed_.wait_for(lock, stop, retry_after, [this] { return waiting_.has_value(); });
    if (!waiting_) waiting_ = std::move(version);
    if (stop.stop_requested()) return;
  }
}

bool Deployment::in_sync(const std::string& arn, const std::string& token) const {
  const std::scoped_lock lock(mutex_);
  const auto found = applied_.find(arn);
  return found != applied_.end() && found->second.token == token && Steady::now() >= found->second.ready_at;
}

std::string Deployment::failure() const {
  const std::scoped_lock lock(mutex_);
  return failure_;
}

}  // namespace intelwall::lab
