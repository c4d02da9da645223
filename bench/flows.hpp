#pragma once

// Captures of flows as a network has them, for Suricata: popular names, some below them, one in a hundred from the
// list, a part in mixed case.

#include <fstream>
#include <functional>
#include <random>

#include "core/domain_set.hpp"
#include "measure.hpp"
#include "packing_data.hpp"
#include "rules/pcap.hpp"

namespace intelwall::bench {

enum class Way { tls, http, dns };
inline const char* to_string(Way way) {
  return way == Way::tls ? "tls" : way == Way::http ? "http" : "dns";
}

/// The name that each flow asks for. All sizes begin with the same flows.
class FlowNames {
 public:
  FlowNames(Names popular, Names listed) : popular_(std::move(popular)), listed_(std::move(listed)) {}

  std::string next() {
    // Half of the flows go to hosts below the name.
    constexpr const char* below[] = {"",     "",     "",     "",     "",       "",     "",         "",
                                     "www.", "www.", "www.", "api.", "cdn-7.", "img.", "mail.eu.", "e1a2."};
    const bool hit = number_++ % 100 == 37;
    const auto& from = hit ? listed_ : popular_;
    auto name = below[draw(std::size(below))] + from[draw(from.size())];
    // One in four as a client writes it that mixes cases on purpose (draft-vixie-dnsext-dns0x20), or a person does.
    if (draw(4) == 0) {
      for (auto& c : name)
        if (c >= 'a' && c <= 'z' && draw(2) == 0) c = static_cast<char>(c - 32);
    }
    return name;
  }

 private:
  std::size_t draw(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }
  Names popular_, listed_;
  std::size_t number_ = 0;
  std::mt19937_64 random_{20'261'124};
};

/// A list to compare the alerts with: how many of a capture's flows it covers.
struct Judge {
  std::string title;
  DomainSet set;
};
inline DomainSet set_of(const Names& names) {
  std::vector<DomainSet::Entry> entries;
  for (const auto& name : names) entries.push_back({.name = name});
  return need(DomainSet::build(entries));
}

/// Writes a capture, and how many flows each judge expects to hit beside it, as JSON.
inline void write_capture(const std::filesystem::path& path, Way way, std::size_t flows, FlowNames names,
                          const std::vector<Judge>& judges) {
  testing::Pcap capture(testing::Pcap::Clients::many);
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  nlohmann::json hits;
  for (const auto& judge : judges) hits[judge.title] = 0;
  for (std::size_t i = 0; i < flows; ++i) {
    const auto name = names.next();
    if (way == Way::tls) {
      capture.tls(name);
    } else if (way == Way::http) {
      capture.http(name);
    } else {
      capture.dns_udp(name);
    }
    auto lower = name;
    for (auto& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    for (const auto& judge : judges)
      if (judge.set.find(lower)) hits[judge.title] = hits[judge.title].get<int>() + 1;
    if (i % 1'000 == 0 || i + 1 == flows) out << capture.take_bytes();
  }
  out.close();
  if (!out) give_up("cannot write " + path.native());
  need(os::replace_file(path.native() + ".json", hits.dump()));
}

}  // namespace intelwall::bench
