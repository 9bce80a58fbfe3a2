// SPDX-License-Identifier: Apache-2.0
#include "cli/screen.h"

#define NCURSES_NOMACROS 1   // its macros are named move, clear, erase, timeout
#include <curses.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace ubc::cli {
namespace {

volatile std::sig_atomic_t ended_by = 0;
enum Pair : short { pair_alarm = 1, pair_calm, pair_warm, pair_hot };
constexpr int kClickMs = 200;   // what is a double click

/// Before ncurses starts, which installs its own where nobody has.
void catch_ends() {
  struct sigaction end{};
  end.sa_handler = [](int signal) { ended_by = signal; };
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) (void)::sigaction(signal, &end, nullptr);
}

attr_t in_colour(short pair, attr_t without) { return ::has_colors() ? static_cast<attr_t>(COLOR_PAIR(pair)) : without; }

attr_t attributes_of(Style style) {
  switch (style) {
    case Style::plain: return A_NORMAL;
    case Style::heading: return A_BOLD;
    case Style::selected: return A_REVERSE;
    case Style::strong: return A_BOLD;
    case Style::alarm: return in_colour(pair_alarm, A_BOLD);
    case Style::dim: return A_DIM;
    case Style::calm: return in_colour(pair_calm, A_NORMAL);
    case Style::warm: return in_colour(pair_warm, A_NORMAL);
    case Style::hot: return in_colour(pair_hot, A_BOLD);
  }
  std::unreachable();
}

Key key_of_mouse() {
  using enum Key::Kind;
  MEVENT event{};
  if (::getmouse(&event) != OK) return {};
  const auto kind = (event.bstate & BUTTON4_PRESSED) != 0                       ? wheel_up
                    : (event.bstate & BUTTON5_PRESSED) != 0                     ? wheel_down
                    : (event.bstate & BUTTON1_DOUBLE_CLICKED) != 0              ? double_click
                    : (event.bstate & (BUTTON1_CLICKED | BUTTON1_PRESSED)) != 0 ? click
                                                                                : none;
  return {kind, 0, static_cast<std::size_t>(std::max(0, event.y)), static_cast<std::size_t>(std::max(0, event.x))};
}

Key key_of(int code) {
  using enum Key::Kind;
  switch (code) {
    case KEY_MOUSE: return key_of_mouse();
    case KEY_UP: return {up};
    case KEY_DOWN: return {down};
    case KEY_PPAGE: return {page_up};
    case KEY_NPAGE: return {page_down};
    case KEY_HOME: return {home};
    case KEY_END: return {end};
    case KEY_RESIZE: return {resize};
    case KEY_ENTER:
    case '\r':
    case '\n': return {enter};
    case KEY_BACKSPACE:
    case 0x7f:
    case '\b': return {backspace};
    case 0x1b: return {escape};
    default: return code >= ' ' && code < 0x7f ? Key{character, static_cast<char>(code)} : Key{};
  }
}

}  // namespace

Result<Screen> Screen::open(std::string_view verb, bool mouse) {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0)
    return os::error(Code::bad_value, "ubctl {} needs a terminal for input and output: ubctl list and ubctl show write to files", verb);
  catch_ends();
  if (::newterm(nullptr, stdout, stdin) == nullptr) {
    const char* term = std::getenv("TERM");
    return os::error(Code::bad_value, "ubctl {} does not know the terminal TERM=\"{}\": say TERM=xterm or TERM=vt100 before it", verb,
                     term == nullptr ? "" : term);
  }
  (void)::cbreak();
  (void)::noecho();
  (void)::nonl();
  (void)::keypad(stdscr, TRUE);
  (void)::set_escdelay(25);   // a lone Escape is told from an arrow by this many milliseconds
  (void)::curs_set(0);
  if (::has_colors()) {
    (void)::start_color();
    (void)::use_default_colors();
    (void)::init_pair(pair_alarm, COLOR_RED, -1);
    // A sign in the colour of what is behind it: a bar of one piece, which copies as signs.
    (void)::init_pair(pair_calm, COLOR_GREEN, COLOR_GREEN);
    (void)::init_pair(pair_warm, COLOR_YELLOW, COLOR_YELLOW);
    (void)::init_pair(pair_hot, COLOR_RED, COLOR_RED);
  }
  if (mouse) {
    (void)::mousemask(BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON1_DOUBLE_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED, nullptr);
    (void)::mouseinterval(kClickMs);
  }
  return Screen{};
}

Screen::~Screen() {
  if (open_) (void)::endwin();
}

ScreenSize Screen::size() const {
  return {static_cast<std::size_t>(std::max(1, ::getmaxy(stdscr))), static_cast<std::size_t>(std::max(1, ::getmaxx(stdscr)))};
}

void Screen::draw(const Picture& picture) {
  const ScreenSize now = size();
  (void)::werase(stdscr);
  const std::size_t rows = std::min(now.rows, picture.lines.size());
  for (std::size_t row = 0; row < rows; ++row) {
    const ScreenLine& line = picture.lines[row];
    std::string text = line.text.substr(0, now.columns);
    if (line.style == Style::selected) text.resize(now.columns, ' ');
    (void)::wattrset(stdscr, static_cast<int>(attributes_of(line.style)));
    (void)::mvwaddnstr(stdscr, static_cast<int>(row), 0, text.c_str(), static_cast<int>(text.size()));
    for (const Span& span : line.spans) {
      if (span.at >= text.size()) continue;
      (void)::wattrset(stdscr, static_cast<int>(attributes_of(span.style)));
      (void)::mvwaddnstr(stdscr, static_cast<int>(row), static_cast<int>(span.at), text.c_str() + span.at,
                         static_cast<int>(std::min(span.width, text.size() - span.at)));
    }
  }
  (void)::wattrset(stdscr, static_cast<int>(A_NORMAL));
  (void)::curs_set(picture.cursor ? 1 : 0);
  if (picture.cursor && rows > 0)
    (void)::wmove(stdscr, static_cast<int>(rows - 1), static_cast<int>(std::min(*picture.cursor, now.columns - 1)));
  (void)::wrefresh(stdscr);
}

Key Screen::key(std::chrono::milliseconds patience) {
  ::wtimeout(stdscr, static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(patience.count(), 0, 250)));  // a signal is seen by then
  const int code = ::wgetch(stdscr);
  if (code == ERR && ::isatty(STDIN_FILENO) == 0) ended_by = SIGHUP;  // the window is gone
  return code == ERR ? Key{} : key_of(code);
}

bool Screen::ended() const { return ended_by != 0; }

int Screen::exit_code() {
  if (ended_by == 0 || ended_by == SIGINT) return 0;
  (void)std::signal(ended_by, SIG_DFL);
  (void)std::raise(ended_by);
  return 128 + ended_by;
}

}  // namespace ubc::cli
