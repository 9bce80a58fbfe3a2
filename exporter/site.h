// SPDX-License-Identifier: Apache-2.0
// The door: by what name we are called, who asks, whether a page of another site asks for them; then the console, the API or the metrics.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "exporter/api.h"
#include "exporter/auth.h"
#include "exporter/http.h"

namespace ubc::exporter {

struct SiteOptions {
  std::vector<std::string> names;   ///< host names that we may be called by, besides IP addresses and localhost
  std::function<Reply(const Request&)> metrics;   ///< what is neither console nor API
};

/// Whether a Host header names us: any IP address or localhost, with or without a port, or one of `names`. A page of another site that has
/// its own name point to our address (DNS rebinding) calls us by that name. (Pure.)
[[nodiscard]] bool is_our_name(std::string_view host, const std::vector<std::string>& names);
/// Why a change is not taken for its sender's own wish; empty: it is. A form or page of another site can send neither the header
/// X-UBC-Request nor JSON without being let, and we let nobody. (Pure.)
[[nodiscard]] std::string foreign_origin(const Request& request);

class Site {
 public:
  /// `users`: nullptr: nobody has to say who they are, and all may read.
  Site(Api& api, Authenticator* users, SiteOptions options) : api_{api}, users_{users}, options_{std::move(options)} {}
  void answer(const Request& request, const Done& done);

 private:
  /// Who asks; or the reply that asks for it.
  [[nodiscard]] std::variant<Identity, Reply> identify(const Request& request);

  Api& api_;
  Authenticator* users_;
  SiteOptions options_;
};

}  // namespace ubc::exporter
