#pragma once

#include <cstdint>
#include <string>

#include "core/time.hpp"
#include "intel/indicator.hpp"

namespace intelwall::lab {

/// What of an indicator changes while the lab runs.
struct IndicatorState {
  std::string marker;
  std::uint32_t last_updated = 0;  ///< seconds since 1970
  intel::Confidence confidence = intel::Confidence::unverified;
  bool deleted = false;
};

/// The confidence of what was last seen `age` ago.
intel::Confidence decayed(std::chrono::seconds age);

/// Indicators in the shape of Falcon's, made from their numbers: nothing is stored, and the same number always gives
/// the same one. Number 0 was seen two years before `newest`, later ones ever more densely up to it; behind the
/// generated ones stand a few for the names that the lab's internet serves (lab.hpp).
class IndicatorSet {
 public:
  static constexpr std::uint32_t most = 50'000'000;

  /// `count`: how many to make up, at most `most`.
  IndicatorSet(std::uint32_t count, Time newest) : count_(count), newest_(newest) {}

  std::uint32_t size() const;
  std::string type(std::uint32_t number) const;
  std::string value(std::uint32_t number) const;
  std::string id(std::uint32_t number) const { return type(number) + '_' + value(number); }
  /// Ascending with the number. From it the confidence decays, but for those that were never verified.
  std::uint32_t seen(std::uint32_t number) const;
  bool is_verified(std::uint32_t number) const;
  bool is_deleted(std::uint32_t number) const;

  /// The object without its relations and its closing brace.
  void write(std::uint32_t number, const IndicatorState& state, std::string& out) const;
  /// `,"relations":[…]`
  void write_relations(std::uint32_t number, std::string& out) const;

 private:
  std::uint32_t count_;
  Time newest_;
};

}  // namespace intelwall::lab
