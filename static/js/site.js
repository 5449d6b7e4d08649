// The one entry point: every page works without it; each module adds a convenience.
import "./copy.js";
import "./codes.js";
import "./menu.js";
import "./scroll.js";
