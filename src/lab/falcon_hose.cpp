#include "lab/falcon_hose.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace intelwall::lab {
namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr milliseconds moment{50};  // how often a moved clock and a client that left are noticed
constexpr std::size_t piece_size = 64u << 10;
constexpr std::size_t slow_piece = 16;

std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

/// What a stream has in between when something upstream is broken: a cut event, a page, bytes of another encoding.
std::string garbage_before(const std::string& event) {
  return event.substr(0, event.size() / 2) + "\r\n<html>502 Bad Gateway</html>\r\n" + std::string("\xff\xfe\0}{", 5) +
         "\r\n";
}

}  // namespace

FalconHose::FalconHose(const FalconOptions& options)
    : clock_(options.clock),
      refresh_interval_(options.refresh_interval),
      session_lifetime_(options.session_lifetime),
      keep_alive_(options.keep_alive),
      kept_events_(options.kept_events),
      partitions_(static_cast<std::size_t>(std::clamp(options.partitions, 1, 64))) {}

bool FalconHose::is_over(const Session& session) const {
  const Time now = clock_();
  return now >= session.refreshed + refresh_interval_ || now >= session.made + session_lifetime_;
}

Json FalconHose::discover(const std::string& app_id, const std::string& base_url) {
  const std::lock_guard lock(mutex_);
  Json streams = Json::array();
  if (refused_discoveries_ > 0) {
    --refused_discoveries_;
    return streams;
  }
  for (std::size_t partition = 0; partition < partitions_.size(); ++partition) {
    const auto known = sessions_.find({app_id, partition});
    if (known != sessions_.end() && known->second.connections > 0 && !is_over(known->second)) return streams;
  }
  for (std::size_t partition = 0; partition < partitions_.size(); ++partition) {
    Session& session = sessions_[{app_id, partition}];
    const int connections = session.connections;
    session = {random_uuid(), clock_(), clock_(), connections};
    streams.push_back(
        {{"dataFeedURL", fmt::format("{}/sensors/entities/datafeed/v1/{}?appId={}", base_url, partition, app_id)},
         {"sessionToken", {{"token", session.token}, {"expiration", format_time(session.made + session_lifetime_)}}},
         {"refreshActiveSessionURL",
          fmt::format("{}/sensors/entities/datafeed-actions/v1/{}?appId={}&action_name=refresh_active_stream_session",
                      base_url, partition, app_id)},
         {"refreshActiveSessionInterval", refresh_interval_.count()}});
  }
  return streams;
}

bool FalconHose::refresh(const std::string& app_id, std::size_t partition) {
  const std::lock_guard lock(mutex_);
  const auto known = sessions_.find({app_id, partition});
  if (known == sessions_.end() || is_over(known->second)) return false;
  known->second.refreshed = clock_();
  return true;
}

FalconHose::Place FalconHose::append(Json event, std::optional<std::size_t> wanted) {
  const std::lock_guard lock(mutex_);
  const std::size_t partition = wanted ? *wanted : turn_++ % partitions_.size();
  Partition& feed = partitions_[partition];
  Json& metadata = event["metadata"];
  if (!metadata.is_object()) metadata = Json::object();
  metadata["offset"] = feed.end();
  metadata.emplace("customerIDString", falcon_customer_id);
  metadata.emplace("eventCreationTime", clock_().time_since_epoch().count() * 1000);
  metadata.emplace("version", "1.0");
  std::string type;
  if (const auto found = metadata.find("eventType"); found != metadata.end() && found->is_string()) type = *found;
  feed.events.push_back({lower_case(type), dump_json(event)});
  if (feed.events.size() > kept_events_) {
    feed.events.pop_front();
    ++feed.first;
  }
  changed_.notify_all();
  return {partition, feed.end() - 1};
}

void FalconHose::add_fault(HoseFault fault) {
  const std::lock_guard lock(mutex_);
  faults_.push_back(fault);
  changed_.notify_all();
}

std::optional<HoseFault> FalconHose::take_fault(std::size_t partition, std::initializer_list<HoseFault::Kind> kinds) {
  for (auto fault = faults_.begin(); fault != faults_.end(); ++fault) {
    if (std::ranges::find(kinds, fault->kind) == kinds.end()) continue;
    if (fault->partition && *fault->partition != partition) continue;
    const HoseFault taken = *fault;
    if (--fault->times <= 0) faults_.erase(fault);
    return taken;
  }
  return std::nullopt;
}

void FalconHose::end_sessions(std::optional<std::size_t> partition) {
  const std::lock_guard lock(mutex_);
  for (auto& [key, session] : sessions_)
    if (!partition || *partition == key.second) session.made = session.refreshed = Time{};
  changed_.notify_all();
}

void FalconHose::refuse_discovery(std::int64_t times) {
  const std::lock_guard lock(mutex_);
  refused_discoveries_ = times;
}

Json FalconHose::state() const {
  const std::lock_guard lock(mutex_);
  Json streams = Json::array();
  for (std::size_t partition = 0; partition < partitions_.size(); ++partition) {
    int connections = 0;
    for (const auto& [key, session] : sessions_)
      if (key.second == partition) connections += session.connections;
    streams.push_back(
        {{"partition", partition}, {"next_offset", partitions_[partition].end()}, {"connections", connections}});
  }
  return streams;
}

void FalconHose::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

std::expected<std::unique_ptr<FalconHose::Connection>, int> FalconHose::open(Opening opening) {
  constexpr int unauthorized = 401, not_found = 404;
  const std::lock_guard lock(mutex_);
  if (opening.partition >= partitions_.size()) return std::unexpected(not_found);
  if (const auto fault = take_fault(opening.partition, {HoseFault::Kind::open})) return std::unexpected(fault->status);
  const auto session = sessions_.find({opening.app_id, opening.partition});
  if (session == sessions_.end() || is_over(session->second) || session->second.token != opening.token || stopping_)
    return std::unexpected(unauthorized);
  ++session->second.connections;
  const Partition& feed = partitions_[opening.partition];
  const std::uint64_t position = std::clamp(opening.offset.value_or(feed.end()), feed.first, feed.end());
  return std::make_unique<Connection>(*this, std::move(opening), position);
}

FalconHose::Connection::Connection(FalconHose& hose, Opening opening, std::uint64_t position)
    : hose_(&hose),
      opening_(std::move(opening)),
      position_(position),
      spoke_(Steady::now()),
      silent_until_(Steady::time_point::min()) {}

FalconHose::Connection::~Connection() {
  const std::lock_guard lock(hose_->mutex_);
  --hose_->sessions_[{opening_.app_id, opening_.partition}].connections;
}

/// With the hose's lock held.
FalconHose::Piece FalconHose::Connection::ready_events() {
  const Partition& feed = hose_->partitions_[opening_.partition];
  Piece piece;
  for (position_ = std::max(position_, feed.first); position_ < feed.end() && piece.bytes.size() < piece_size;
       ++position_) {
    const Event& event = feed.events[position_ - feed.first];
    if (!wants(event.type)) continue;
    const std::string line = event.text + "\r\n";
    piece.kind = Piece::Kind::bytes;
    const auto fault =
        hose_->take_fault(opening_.partition, {HoseFault::Kind::cut, HoseFault::Kind::garbage, HoseFault::Kind::slow});
    if (!fault) {
      piece.bytes += line;
    } else if (fault->kind == HoseFault::Kind::cut) {
      piece.bytes += line.substr(0, line.size() / 2);
      breaks_ = true;
      return piece;
    } else if (fault->kind == HoseFault::Kind::garbage) {
      piece.bytes += garbage_before(event.text) + line;
    } else {
      rest_ = line;
      ++position_;
      if (piece.bytes.empty()) piece.kind = Piece::Kind::nothing;  // an empty chunk would end the answer
      return piece;
    }
  }
  return piece;
}

FalconHose::Piece FalconHose::Connection::next() {
  if (breaks_) return {Piece::Kind::broken, {}};
  if (!rest_.empty()) {
    std::this_thread::sleep_for(milliseconds(1));
    Piece piece{Piece::Kind::bytes, rest_.substr(0, slow_piece)};
    rest_.erase(0, piece.bytes.size());
    return piece;
  }
  std::unique_lock lock(hose_->mutex_);
  const auto is_over = [&] {
    const auto session = hose_->sessions_.find({opening_.app_id, opening_.partition});
    return hose_->stopping_ || session->second.token != opening_.token || hose_->is_over(session->second);
  };
  const auto has_events = [&] { return position_ < hose_->partitions_[opening_.partition].end(); };
  hose_->changed_.wait_for(lock, moment, [&] { return is_over() || (has_events() && Steady::now() >= silent_until_); });
  if (is_over()) return {Piece::Kind::end, {}};
  if (const auto fault = hose_->take_fault(opening_.partition, {HoseFault::Kind::silent}))
    silent_until_ = Steady::now() + fault->time;
  if (Steady::now() < silent_until_) return {};
  Piece piece = ready_events();
  if (piece.kind == Piece::Kind::nothing && Steady::now() - spoke_ >= hose_->keep_alive_)
    piece = {Piece::Kind::bytes, "\r\n"};
  if (piece.kind != Piece::Kind::nothing) spoke_ = Steady::now();
  return piece;
}

}  // namespace intelwall::lab
