// Any bytes as an event stream: however they are cut into pushes the frames are the same, they come in order without
// overlapping, and what lies between them is white space.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "falcon/stream_framing.hpp"

namespace {

using namespace intelwall;
using namespace intelwall::falcon;

void drain(EventFramer& framer, std::vector<Frame>& frames) {
  while (auto frame = framer.next()) frames.push_back(*std::move(frame));
}

std::vector<Frame> read(std::string_view bytes, std::size_t step) {
  EventFramer framer;
  std::vector<Frame> frames;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    framer.push(bytes.substr(at, step));
    drain(framer, frames);
  }
  framer.finish();
  drain(framer, frames);
  return frames;
}

bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

std::size_t skip_blanks(std::string_view bytes, std::size_t at) {
  while (at < bytes.size() && is_blank(bytes[at])) ++at;
  return at;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto frames = read(bytes, std::max<std::size_t>(size, 1));
  std::size_t at = 0;
  for (const auto& frame : frames) {
    at = skip_blanks(bytes, at);
    if (const auto* event = std::get_if<StreamEvent>(&frame)) {
      IW_ASSERT(bytes.substr(at, event->json.size()) == event->json);
      IW_ASSERT(event->offset + 1 > event->offset && event->type.size() <= 128);
      at += event->json.size();
    } else {
      const auto& damage = std::get<Damage>(frame);
      IW_ASSERT(damage.at == at && damage.size > 0 && damage.size <= size - at);
      IW_ASSERT(!damage.reason.empty());
      at += damage.size;
    }
  }
  IW_ASSERT(skip_blanks(bytes, at) == size);

  for (const std::size_t step : {std::size_t{1}, std::size_t{7}}) {
    const auto again = read(bytes, step);
    IW_ASSERT(again.size() == frames.size());
    for (std::size_t i = 0; i < frames.size(); ++i) {
      IW_ASSERT(again[i].index() == frames[i].index());
      if (const auto* event = std::get_if<StreamEvent>(&frames[i])) {
        IW_ASSERT(std::get<StreamEvent>(again[i]).json == event->json);
      } else {
        IW_ASSERT(std::get<Damage>(again[i]).at == std::get<Damage>(frames[i]).at);
        IW_ASSERT(std::get<Damage>(again[i]).size == std::get<Damage>(frames[i]).size);
      }
    }
  }
  return 0;
}
