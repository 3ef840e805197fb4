// Package origins holds the frameworks that migrate reads the sessions of against
// it, as themselves: Flask and the others from PyPI, Express from npm, scs and
// gorilla. It is tests only.
//
// What is in Python and JavaScript is installed once, into the user's cache
// folder. Where that can't be done, tests are skipped, or fail if
// CLOAKROOM_REQUIRE holds "all", "python" or "node". CLOAKROOM_PYTHON names a Python
// that has the packages already, CLOAKROOM_NODE a folder in which they are installed.
package origins
