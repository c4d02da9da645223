#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "aws/client.hpp"
#include "lab/demo.hpp"
#include "lab/lab.hpp"

namespace intelwall::lab {

using Json = nlohmann::json;

/// What every step of the demo shares; each step reads what earlier ones left.
struct Demo {
  const DemoOptions& options;
  std::map<std::string, std::string> environment;
  aws::Session session;
  int scenario = 1;
  struct Step {
    int scenario = 1;
    std::string name;
    bool ok = false;
    std::string proof;
  };
  std::vector<Step> steps;
  std::string finding_id;
  std::string decision_id;
  double seconds_to_block = 0;    ///< from the custom action to the first refused connection
  double seconds_from_event = 0;  ///< from the sensor's event to it

  /// Prints the step, with its proof a line each.
  void add(std::string name, bool ok, std::string proof);
};

// ---- probes from the workload (demo_probes.cpp)

enum class Way { https, http, dns };
const char* to_string(Way way);

struct Probe {
  Way way;
  std::string name;
};
struct Answer {
  bool reached = false;
  std::string words;
};
/// The name goes to the server's address without a look-up, so that https and http prove their own layer even where dns
/// is dropped too.
Answer run_probe(const Probe& probe, int seconds = 2);

enum class Expect { reached, refused };
/// Probes in parallel (a dropped one waits for its time-out); true when all are as expected.
std::pair<bool, std::string> run_probes(const std::vector<Probe>& probes, Expect expect);
std::vector<Probe> all_ways(std::initializer_list<const char*> names);

// ---- the product, driven as a user would (demo_probes.cpp)

struct Command {
  int exit_code = -1;
  Json out;
  std::string err;
};
Result<Command> intelwall(const Demo& demo, std::vector<std::string> arguments, const std::string& input = {});
/// Update tokens of the policy and its groups.
std::string tokens(const Demo& demo);
/// The rules of our first group.
std::string rules_text(const Demo& demo);

// ---- from the sensor's event to the dropped packet, and why (demo_respond.cpp)

/// `intelwall forward` beside the demo, from here to its end.
class Forwarding {
 public:
  static Result<Forwarding> start(const Demo& demo);
  Forwarding(Forwarding&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
  ~Forwarding();

 private:
  explicit Forwarding(int pid) : pid_(pid) {}
  int pid_ = 0;
};

Result<void> step_before(Demo& demo);
Result<void> step_respond(Demo& demo);
Result<void> step_dropped(Demo& demo);
Result<void> step_log(Demo& demo);
Result<void> step_explain(Demo& demo);
/// The road from event to dropped packet `times` times, each undone before the next.
Result<void> step_repeat(Demo& demo, int times);

// ---- what must not be blocked, and undoing (demo_guardrails.cpp)

Result<void> step_hostile(Demo& demo);
Result<void> step_homograph(Demo& demo);
Result<void> step_unblock(Demo& demo);

// ---- the query that the firewall does not see (demo_dns.cpp)

Result<void> step_resolver(Demo& demo);

// ---- from a query to the sighting (demo_hunt.cpp)

/// The query of the first integration's own documentation, as it stands there.
inline constexpr const char* hunt_query =
    "\"type:'domain'+malicious_confidence:'High'+targets:'Technology'+last_updated:>'{old_date}'\"";

/// Scenario 2 whole: its hunt ends with it.
Result<void> scenario_hunt(Demo& demo);
/// Tells Falcon of the bad name, and previews the query that finds it.
Result<void> step_preview(Demo& demo);
/// Contacts that pass and are alerted on.
Result<void> step_contact(Demo& demo);
/// The id of the finding that they become.
std::string sighting_id();
/// That finding, `demo.finding_id`; `otherwise` says why there may be none.
Result<void> prove_sighting(Demo& demo, const std::string& otherwise);
/// Presses the action on it, and lifts the block again.
Result<void> step_block(Demo& demo);
/// Looks ten times a second whether it holds.
bool wait_for(std::chrono::seconds patience, const std::function<bool()>& holds);

// ---- the same by a stack's functions (demo_template.cpp)

/// What the demo gives the template unless the user did: the query, and schedules of two seconds.
TemplateOptions with_demo_parameters(TemplateOptions stack);
/// Scenario 2 with schedules, subscription and queues in place of commands.
Result<void> scenario_functions(Demo& demo);

}  // namespace intelwall::lab
