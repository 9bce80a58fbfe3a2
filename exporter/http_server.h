// SPDX-License-Identifier: Apache-2.0
// The wire: one thread, many connections, and bounds on what a slow or hostile client can take. All of Boost.Beast is in its source.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "exporter/http.h"
#include "os/result.h"

namespace ubc::exporter {

struct HttpBounds {
  std::size_t connections = 64;                 ///< at once; one more is told 503 and closed
  std::uint32_t header_bytes = 8192;            ///< of a request, which may have no body
  std::chrono::milliseconds patience{30'000};   ///< for a whole request, and for a whole reply
};

/// What has happened since the start, for the metrics.
struct HttpCounts {
  std::uint64_t requests = 0;
  std::uint64_t connections_refused = 0;   ///< over HttpBounds::connections
};

class HttpServer {
 public:
  using Handler = std::function<Reply(const Request&)>;

  /// Binds and listens on "ADDRESS:PORT", "[::1]:9641". Fails with Code::bad_value, or with Code::busy where the port is taken.
  [[nodiscard]] static Result<HttpServer> listen(const std::string& endpoint, const HttpBounds& bounds);
  HttpServer(HttpServer&&) noexcept;
  HttpServer& operator=(HttpServer&&) noexcept;
  ~HttpServer();

  /// "127.0.0.1:9641", with the port that port 0 became.
  [[nodiscard]] std::string address() const;
  [[nodiscard]] HttpCounts counts() const;
  /// Calls `work` each `period` while it serves, on the thread of run().
  void every(std::chrono::microseconds period, std::function<void()> work);
  /// Calls `work` at each SIGHUP likewise; a SIGHUP from now on does not end the process.
  void on_hangup(std::function<void()> work);
  /// Serves until SIGTERM or SIGINT, and returns which. `handler` runs on this thread.
  int run(Handler handler);

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ubc::exporter
