// SPDX-License-Identifier: Apache-2.0
// The wire: one thread, many connections, and bounds on what a slow or hostile client can take. All of Boost.Beast is in its sources.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "exporter/http.h"
#include "os/result.h"

namespace ubc::exporter {

struct HttpBounds {
  std::size_t connections = 64;                         ///< at once; one more is told 503 and closed
  std::uint32_t header_bytes = 8192;                    ///< of a request
  std::uint32_t body_bytes = 16384;                     ///< of a request; a GET or HEAD may have none
  std::chrono::milliseconds patience{30'000};           ///< for a whole request, for a whole reply, for a handshake
  std::chrono::milliseconds action_patience{240'000};   ///< for what takes long: a guest's stop
  std::chrono::milliseconds heartbeat{15'000};          ///< between two signs of life on a stream of events
};

/// What has happened since the start, for the metrics.
struct HttpCounts {
  std::uint64_t requests = 0;
  std::uint64_t connections_refused = 0;   ///< over HttpBounds::connections
};

/// PEM files: the certificate with its chain, and its key.
struct TlsFiles {
  std::string certificate, key;
};

class HttpServer {
 public:
  /// Called on the server's thread; `done` may be called there later.
  using Handler = std::function<void(Request, Done)>;

  /// Binds and listens on "ADDRESS:PORT", "[::1]:9641". Fails with Code::bad_value, or with Code::busy where the port is taken.
  [[nodiscard]] static Result<HttpServer> listen(const std::string& endpoint, const HttpBounds& bounds,
                                                 const std::optional<TlsFiles>& tls = std::nullopt);
  HttpServer(HttpServer&&) noexcept;
  HttpServer& operator=(HttpServer&&) noexcept;
  ~HttpServer();

  /// For the connections that come from now on. Where a file is no good, all stays as it was.
  [[nodiscard]] Result<> renew_tls(const TlsFiles& files);
  /// "127.0.0.1:9641", with the port that port 0 became.
  [[nodiscard]] std::string address() const;
  /// "https" with TLS, else "http".
  [[nodiscard]] const char* scheme() const;
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] HttpCounts counts() const;
  /// Calls `work` at once when it runs, and then each `period`, on the thread of run().
  void every(std::chrono::microseconds period, std::function<void()> work);
  /// Calls `work` at each SIGHUP likewise; a SIGHUP from now on does not end the process.
  void on_hangup(std::function<void()> work);
  /// While it runs, on its thread: whenever the descriptor, which stays the caller's, can be read; until `work` returns false.
  void when_readable(int descriptor, std::function<bool()> work);
  /// Serves until SIGTERM or SIGINT, and returns which. `handler` runs on this thread.
  int run(Handler handler);

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ubc::exporter
