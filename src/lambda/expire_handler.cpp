#include <memory>
#include <nlohmann/json.hpp>

#include "app/expire.hpp"
#include "aws/json_text.hpp"
#include "lambda/function_context.hpp"
#include "lambda/handler.hpp"
#include "lambda/runtime.hpp"

namespace intelwall::lambda {

Result<Handler> make_expire_handler(const aws::Environment& env) {
  IW_TRY(auto made, make_function_context(env));
  IW_CHECK(app::open_firewall(made));
  return
      [context = std::make_shared<app::Context>(std::move(made))](const Invocation& invocation) -> Result<std::string> {
        IW_TRY(const auto outcome, app::expire(*context, app::Mode::write, app::Share::bounded));
        for (const auto& error : outcome.notes_not_written)
          log_line("WARN", invocation.request_id, "a finding was not told that its block is over", &error);
        if (outcome.enforcement.failure) return std::unexpected(*outcome.enforcement.failure);
        log_unverified(invocation, outcome.enforcement);
        nlohmann::json lifted = nlohmann::json::array();
        for (const auto& decision : outcome.lifted) lifted.push_back(decision.domain.name.text());
        const nlohmann::json done{{"lifted", std::move(lifted)}, {"left_for_the_next_run", outcome.left.size()}};
        auto text = aws::dump_json(done);
        if (!outcome.lifted.empty()) log_line("INFO", invocation.request_id, text, nullptr);
        return text;
      };
}

}  // namespace intelwall::lambda
