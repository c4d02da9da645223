#pragma once

#include <random>
#include <string>
#include <vector>

#include "core/decision.hpp"

namespace intelwall::testing {

/// Random decisions, the same for the same seed: every character a RuleText may hold, texts of every length, odd names.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }

  std::string word(std::string_view alphabet, std::size_t least, std::size_t most) {
    std::string text(least + below(most - least + 1), ' ');
    for (auto& c : text) c = alphabet[below(alphabet.size())];
    return text;
  }

  DomainName name() {
    std::string text;
    for (auto labels = 1 + below(4); labels > 0; --labels) {
      text += word("abcdefghijklmnopqrstuvwxyz0123456789_", 1, 12);
      if (below(4) == 0) text += "--x";
      text += '.';
    }
    return *DomainName::parse(text + word("abcdefghijklmnopqrstuvwxyz", 2, 6));
  }

  RuleText text(std::size_t most) { return RuleText(word("abcXYZ0189 ._:/@+=()-", 0, most)); }

  Decision decision() {
    const DomainSpec domain{name(), below(2) == 0 ? Scope::exact : Scope::subdomains};
    const auto action = std::vector{Action::drop, Action::reject, Action::alert}[below(3)];
    Decision decision{.id = decision_id(domain, action),
                      .domain = domain,
                      .action = action,
                      .protocols = {},
                      .reason = text(RuleText::default_limit),
                      .source = text(30),
                      .actor = text(40),
                      .confidence = text(10),
                      .created_at = Time{std::chrono::seconds{below(4'000'000'000)}},
                      .expires_at = {}};
    if (below(3) != 0) decision.expires_at = decision.created_at + std::chrono::seconds{1 + below(300'000'000)};
    const auto protocols = 1 + below(7);
    if ((protocols & 1) != 0) decision.protocols.insert(Protocol::tls);
    if ((protocols & 2) != 0) decision.protocols.insert(Protocol::http);
    if ((protocols & 4) != 0) decision.protocols.insert(Protocol::dns);
    return decision;
  }

 private:
  std::mt19937 random_;
};

}  // namespace intelwall::testing
