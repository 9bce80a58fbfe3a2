// SPDX-License-Identifier: Apache-2.0
// Before anything is drawn, so that nothing flashes: what was chosen here, else what the system likes.
"use strict";
(() => {
  const chosen = localStorage.getItem("ubc-theme");
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
