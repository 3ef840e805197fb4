// Package shop goes through the demo shop, examples/demo, as people do: with real
// browsers, several at once, and the program as an operator starts it.
//
// It has tests only.
package shop
