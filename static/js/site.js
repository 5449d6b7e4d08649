// The one entry point: every page works without it; each module adds a convenience.
import "./copy.js";
import "./menu.js";
import "./print.js";
import "./scroll.js";
