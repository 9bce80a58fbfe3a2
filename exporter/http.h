// SPDX-License-Identifier: Apache-2.0
// What is asked and answered over HTTP, without the wire: the routes are tested without a socket.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace ubc::exporter {

class EventStream;

struct Request {
  std::string path;                                          ///< without the query
  std::string query = {};                                         ///< as it came, without the '?'
  std::map<std::string, std::string, std::less<>> headers = {};   ///< names in lower case; of a repeated one the values, joined by ", "
  std::string method = "GET";
  std::string body = {};
  std::string peer = "127.0.0.1";   ///< the client's address

  /// Empty where it was not sent.
  [[nodiscard]] std::string_view header(std::string_view name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string_view{} : found->second;
  }
};

struct Reply {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
  std::map<std::string, std::string> headers = {};    ///< besides what every reply has
  std::shared_ptr<EventStream> stream = {};           ///< goes on after the body, until either side closes it
};

/// Called once, at once or later.
using Done = std::function<void(Reply)>;

}  // namespace ubc::exporter
