// SPDX-License-Identifier: Apache-2.0
// Between Beast's messages and ours; what every reply says besides.
#pragma once

#include <utility>   // which this Asio forgets

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <string>

#include "exporter/http.h"

namespace ubc::exporter {

using BeastRequest = boost::beast::http::request<boost::beast::http::string_body>;
using BeastResponse = boost::beast::http::response<boost::beast::http::string_body>;

/// To co_await an operation that tells of its failure in `failed`. A fresh one each time: this Asio does not take a constant token.
inline auto awaiting(boost::system::error_code& failed) { return boost::asio::redirect_error(boost::asio::use_awaitable, failed); }

[[nodiscard]] Request request_of(BeastRequest&& from, std::string peer);
/// With the headers that keep a browser from guessing and from showing it elsewhere. `secure`: over TLS.
[[nodiscard]] BeastResponse response_of(Reply reply, unsigned version, bool secure);
/// What the parser could not take: the client is told, where it still listens.
[[nodiscard]] std::optional<Reply> complaint_of(const boost::system::error_code& failed);

}  // namespace ubc::exporter
