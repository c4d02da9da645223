#include "lab/cloud_logs.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <tuple>

#include "lab/cloud.hpp"
#include "lab/cloud_shape.hpp"

namespace intelwall::lab {
namespace {

constexpr std::size_t events_per_stream = 100'000;  // the oldest go first
constexpr std::size_t deliveries_waiting = 10'000;
constexpr std::int64_t milliseconds_per_day = 86'400'000;

std::string gzip(std::string_view text) {
  z_stream stream{};
  constexpr int gzip_window = 15 + 16;
  IW_ASSERT(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // zlib does not write there
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  IW_ASSERT(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace

LogStore::LogStore(Invoke invoke, Clock clock) : invoke_(std::move(invoke)), clock_(std::move(clock)) {
  worker_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

LogStore::~LogStore() {
  stop();
}

void LogStore::stop() {
  worker_.request_stop();
  if (worker_.joinable()) worker_.join();
}

std::int64_t LogStore::now() const {
  return clock_().time_since_epoch().count() * 1000;
}

void LogStore::append(const std::string& group, const std::string& stream, std::vector<Event> events) {
  const std::scoped_lock lock(mutex_);
  Group& made = groups_[group];
  if (made.created == 0) made.created = now();
  Stream& target = made.streams[stream];
  if (target.created == 0) target.created = now();
  keep(group, made, stream, target, std::move(events));
}

void LogStore::append(const std::string& group, const std::string& stream, Time time, std::string message) {
  append(group, stream, {{time.time_since_epoch().count() * 1000, std::move(message)}});
}

std::vector<std::string> LogStore::messages(const std::string& group) const {
  const std::scoped_lock lock(mutex_);
  const auto found = groups_.find(group);
  if (found == groups_.end()) return {};
  std::vector<std::string> all;
  for (const Found& each : select(found->second, Json::object()).value_or(std::vector<Found>{}))
    all.push_back(each.event->message);
  return all;
}

void LogStore::keep(const std::string& group_name, Group& group, const std::string& stream_name, Stream& stream,
                    std::vector<Event> events) {
  std::vector<Kept> kept;
  kept.reserve(events.size());
  for (Event& event : events) kept.push_back({++last_id_, event.timestamp, now(), std::move(event.message)});
  for (const Kept& event : kept) {
    auto& all = stream.events;
    all.insert(std::ranges::upper_bound(all, event.timestamp, {}, &Kept::timestamp), event);
    if (all.size() > events_per_stream) all.pop_front();
  }
  deliver_later(group_name, group, stream_name, kept);
}

void LogStore::deliver_later(const std::string& group_name, const Group& group, const std::string& stream_name,
                             const std::vector<Kept>& events) {
  for (const auto& [name, subscription] : group.subscriptions) {
    Json matching = Json::array();
    for (const Kept& event : events) {
      if (subscription.pattern.matches(event.message))
        matching.push_back(
            {{"id", fmt::format("{:056}", event.id)}, {"timestamp", event.timestamp}, {"message", event.message}});
    }
    if (matching.empty() || deliveries_.size() >= deliveries_waiting) continue;
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
    const Json batch{{"messageType", "DATA_MESSAGE"}, {"owner", account_id},
                     {"logGroup", group_name},        {"logStream", stream_name},
                     {"subscriptionFilters", {name}}, {"logEvents", std::move(matching)}};
    deliveries_.push_back(
        {subscription.function, dump_json({{"awslogs", {{"data", to_base64(gzip(dump_json(batch)))}}}})});
  }
  waiting_.notify_one();
}

void LogStore::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (waiting_.wait(lock, stop, [this] { return !deliveries_.empty(); }) && !stop.stop_requested()) {
    const Delivery delivery = std::move(deliveries_.front());
    deliveries_.pop_front();
    if (!invoke_) continue;
    lock.unlock();
    // Asynchronous: what becomes of it is the function's own.
    [[maybe_unused]] const auto answer = invoke_(delivery.function, delivery.event);
    lock.lock();
  }
}

void LogStore::forget_old(Group& group) const {
  if (!group.retention_days) return;
  const std::int64_t oldest = now() - *group.retention_days * milliseconds_per_day;
  for (auto& [name, stream] : group.streams) {
    auto& events = stream.events;
    events.erase(events.begin(), std::ranges::lower_bound(events, oldest, {}, &Kept::timestamp));
  }
}

ApiResult<std::vector<LogStore::Found>> LogStore::select(const Group& group, const Json& input) {
  IW_TRY(const LogPattern pattern, LogPattern::parse(text_or(input, "filterPattern")));
  const std::string prefix = text_or(input, "logStreamNamePrefix");
  const Json& names = child(input, "logStreamNames");
  const std::int64_t from = integer_or(input, "startTime", 0), until = integer_or(input, "endTime", INT64_MAX);
  std::vector<Found> found;
  for (const auto& [name, stream] : group.streams) {
    if (!name.starts_with(prefix)) continue;
    if (!names.empty() && std::ranges::find(names, Json(name)) == names.end()) continue;
    for (const Kept& event : stream.events) {
      if (event.timestamp >= from && event.timestamp < until && pattern.matches(event.message))
        found.push_back({&name, &event});
    }
  }
  std::ranges::sort(found, {}, [](const Found& each) { return std::tuple(each.event->timestamp, each.event->id); });
  return found;
}

}  // namespace intelwall::lab
