#include "app/falcon.hpp"

namespace intelwall::app {

Result<std::shared_ptr<falcon::Client>> open_falcon(Context& context) {
  falcon::Session session;
  IW_TRY(session.settings, falcon::settings_from(context.env));
  if (!context.http) context.http = aws::make_curl_client();
  session.http = context.http;
  session.clock = context.clock;
  session.sleep = context.sleep;
  return std::make_shared<falcon::Client>(std::move(session));
}

}  // namespace intelwall::app
