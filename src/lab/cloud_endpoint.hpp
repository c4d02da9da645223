#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "lab/cloud.hpp"
#include "lab/cloud_dns_firewall.hpp"
#include "lab/cloud_event_bus.hpp"
#include "lab/cloud_logs.hpp"
#include "lab/cloud_network_firewall.hpp"
#include "lab/cloud_objects.hpp"
#include "lab/cloud_parameters.hpp"
#include "lab/cloud_queues.hpp"
#include "lab/cloud_secrets.hpp"
#include "lab/cloud_security_hub.hpp"
#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

/// Of every service but S3, whose limit is `object_byte_limit`.
inline constexpr std::size_t body_byte_limit = 8u << 20;

/// All services below HTTP: a request in, a response out, whatever the bytes. Thread-safe.
class Endpoint {
 public:
  explicit Endpoint(CloudOptions options);
  CloudResponse handle(const CloudRequest& request);
  /// Ends the threads behind; requests are still answered.
  void stop();

  // What other parts of the lab use without HTTP.
  QueueService& queues() { return queues_; }
  ObjectStore& objects() { return objects_; }
  SecretStore& secrets() { return secrets_; }
  LogStore& logs() { return logs_; }
  CloudServices services() { return {events_, hub_, parameters_, queues_, objects_, secrets_, logs_}; }

 private:
  enum class Service {
    network_firewall,
    security_hub,
    events,
    ssm,
    dns_firewall,
    sqs,
    s3,
    secrets,
    logs,
    lambda,
    sts,
    lab
  };
  enum class Format { json_1_0, json_1_1, rest_json, cbor, query_xml, rest_xml };
  struct Route {
    Service service;
    Format format;
    std::string operation;
    Json members;  ///< those that stand in the path or the query
  };
  struct Fault {
    std::string error;
    std::int64_t times = 0;
  };

  static std::optional<Route> route(const CloudRequest& request);
  static const char* signing_name(Service service);
  ApiAnswer answer(const Route& route, const CloudRequest& request);
  CloudResponse respond(const Route& route, const CloudRequest& request);
  ApiAnswer dispatch(const Route& route, const CloudRequest& request, Json input);
  void count(const std::string& operation);
  ApiAnswer lab_call(const std::string& operation, const Json& input);
  ApiAnswer press(const Json& input);
  ApiAnswer health();
  ApiAnswer set_fault(const Json& input);
  /// The error that the next call of this operation was told to give; uses it up.
  std::optional<std::string> take_fault(const std::string& operation);
  static CloudResponse encode(const Route& route, const CloudRequest& request, const ApiAnswer& answer);

  CloudOptions options_;
  QueueService queues_;
  EventBus events_;
  ObjectStore objects_;
  SecretStore secrets_;
  LogStore logs_;
  SecurityHub hub_;
  ParameterStore parameters_;
  std::shared_ptr<DnsFirewall> dns_firewall_;
  NetworkFirewall firewall_;
  std::mutex mutex_;  ///< guards the two below
  std::map<std::string, std::uint64_t> counters_;
  std::map<std::string, Fault> faults_;
};

}  // namespace intelwall::lab
