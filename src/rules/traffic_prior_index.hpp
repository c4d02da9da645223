#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/traffic_prior.hpp"

namespace intelwall::rules {

/// Names that flows ask for, sorted by reversed text (pack_order.hpp), with their weights summed up.
class TrafficPrior::Index {
 public:
  struct Entry {
    std::string_view text;
    double weight = 1;
    bool whole = true;  ///< false: an ending that several names share, which are not told apart
  };
  /// Text that occurs in names before their end.
  struct Inside {
    std::string_view text;
    double weight;
  };
  /// `arena` holds the texts. Without `inside`, it is counted in the entries.
  Index(std::string arena, std::vector<Entry> entries, const std::vector<Inside>& inside);

  /// How many bytes of the name's ending the index has something to say about. `at` walks beside names that come in
  /// order, from 0.
  std::size_t known_ending(std::string_view name, std::size_t& at) const;
  /// `known`: from known_ending() of a name with that suffix.
  Share share(std::string_view suffix, std::size_t known) const;

 private:
  double ends(std::string_view suffix) const;

  std::string arena_;
  std::vector<Entry> entries_;
  std::vector<double> sums_;   ///< of the weights before an entry; one more than entries
  std::vector<float> inside_;  ///< by place_of() of a text of up to `longest_inside` bytes
};

}  // namespace intelwall::rules
