// SPDX-License-Identifier: Apache-2.0
// What is asked and answered over HTTP, without the wire: the routes are tested without a socket.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace ubc::exporter {

/// A GET or a HEAD; the server has answered anything else.
struct Request {
  std::string path;    ///< without the query
  std::string query;   ///< as it came, without the '?'
  std::map<std::string, std::string, std::less<>> headers;   ///< names in lower case; of a repeated one the values, joined by ", "

  /// Empty where it was not sent.
  [[nodiscard]] std::string_view header(std::string_view name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string_view{} : found->second;
  }
};

struct Reply {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::map<std::string, std::string> headers = {};   ///< besides what every reply has
};

}  // namespace ubc::exporter
