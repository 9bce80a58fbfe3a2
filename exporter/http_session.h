// SPDX-License-Identifier: Apache-2.0
// One connection, plain or TLS: request, reply, and again, each within its patience; or a stream of events.
#pragma once

#include <utility>   // which this Asio forgets

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <memory>
#include <optional>

#include "exporter/event_stream.h"
#include "exporter/http_server.h"
#include "exporter/http_wire.h"

namespace ubc::exporter {

/// A connection's bytes, over TLS or not. One type for both: what reads and writes messages is made once.
class Wire {
 public:
  using Plain = boost::beast::tcp_stream;
  using Tls = boost::beast::ssl_stream<Plain>;
  using executor_type = Plain::executor_type;

  explicit Wire(boost::asio::ip::tcp::socket socket) : plain_{std::in_place, std::move(socket)} {}
  Wire(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context& context) : tls_{std::in_place, Plain{std::move(socket)}, context} {}

  [[nodiscard]] Tls* tls() { return tls_ ? &*tls_ : nullptr; }
  [[nodiscard]] Plain& lowest() { return tls_ ? tls_->next_layer() : *plain_; }
  [[nodiscard]] executor_type get_executor() { return lowest().get_executor(); }

  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return tls_ ? tls_->async_read_some(buffers, std::forward<Token>(token)) : plain_->async_read_some(buffers, std::forward<Token>(token));
  }
  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return tls_ ? tls_->async_write_some(buffers, std::forward<Token>(token))
                : plain_->async_write_some(buffers, std::forward<Token>(token));
  }

 private:
  std::optional<Plain> plain_;
  std::optional<Tls> tls_;
};

class HttpSession {
 public:
  HttpSession(Wire& wire, const HttpBounds& bounds, const HttpServer::Handler& handler, HttpCounts& counts, std::string peer);
  boost::asio::awaitable<void> run();

 private:
  /// What was asked for, or what to say of it; neither: the client is gone.
  struct Asked {
    std::optional<BeastRequest> request;
    std::optional<Reply> complaint;
  };
  boost::asio::awaitable<Asked> read();
  /// Waits for the handler's reply, which may come from another place, later.
  boost::asio::awaitable<Reply> ask(Request request);
  /// True where the connection stays open.
  boost::asio::awaitable<bool> serve_one();
  /// Until either side has enough. Its length is not known: the end of the connection ends it.
  boost::asio::awaitable<void> serve_stream(BeastResponse& response, EventStream& events);

  Wire& wire_;
  const HttpBounds& bounds_;
  const HttpServer::Handler& handler_;
  HttpCounts& counts_;
  std::string peer_;
  boost::beast::flat_buffer buffer_;
};

}  // namespace ubc::exporter
