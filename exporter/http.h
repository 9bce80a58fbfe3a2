// SPDX-License-Identifier: Apache-2.0
// What is asked and answered over HTTP, without the wire: the routes are tested without a socket.
#pragma once

#include <string>

namespace ubc::exporter {

/// A GET or a HEAD; the server has answered anything else.
struct Request {
  std::string path;   ///< without the query
};

struct Reply {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

}  // namespace ubc::exporter
