// Any bytes are either refused with a sentence, or a template whose resources are made in an order in which each finds
// those that it refers to.
#include <cstdint>
#include <set>

#include "lab/template_document.hpp"
#include "lab/template_stack.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace intelwall;
  const auto document = lab::read_template({reinterpret_cast<const char*>(data), size});
  if (!document) {
    IW_ASSERT(!document.error().message.empty());
    return 0;
  }
  std::set<std::string> made;
  const auto stack = lab::make_stack(*document, {{}, "fuzz", "us-east-1", "111122223333"},
                                     [&](const lab::DeclaredResource& resource) -> Result<lab::PhysicalResource> {
                                       IW_ASSERT(made.insert(resource.id).second);
                                       return lab::PhysicalResource{resource.id, {{"Arn", "arn:" + resource.id}}};
                                     });
  if (!stack) {
    IW_ASSERT(!stack.error().message.empty());
    IW_ASSERT(printable(stack.error().message, 2'000) == stack.error().message);
    return 0;
  }
  IW_ASSERT(stack->resources.size() == made.size());
  return 0;
}
