#pragma once

namespace intelwall::lab {

class EventBus;
class LogStore;
class ObjectStore;
class ParameterStore;
class QueueService;
class SecretStore;
class SecurityHub;

/// The services of a running cloud, for the lab's own parts.
struct CloudServices {
  EventBus& events;
  SecurityHub& hub;
  ParameterStore& parameters;
  QueueService& queues;
  ObjectStore& objects;
  SecretStore& secrets;
  LogStore& logs;
};

}  // namespace intelwall::lab
