package session

import "net/http"

// Binding stub until merged.
type Binding struct{ UserAgent bool }

func (b Binding) policy() string                                   { return "nothing" }
func (b Binding) check() error                                     { return nil }
func (b Binding) enabled() bool                                    { return false }
func (b Binding) of(r *http.Request, salt []byte) []byte           { return nil }
func (b Binding) matches(r *http.Request, salt, bound []byte) bool { return true }
